"""Take over a database into which the files were run by hand, as ``psql -f`` runs them: nothing is recorded there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine, Session
from sqlml.errors import InstallError
from sqlml.install.files import bare_name, is_installed, sql_files
from sqlml.install.verify import Difference, verify
from sqlml.registry.queries import query
from sqlml.registry.routine import COMPILED, recorded_routines
from sqlml.registry.run import utc_now

BY_HAND = {"postgres"}
"""The engines whose files can be run by hand and taken over."""

_ASIDE = {
    "sqlml": "ALTER SCHEMA sqlml RENAME TO sqlml_by_hand",
    "sqlml_queue": "ALTER SCHEMA sqlml_queue RENAME TO sqlml_queue_by_hand",
}
_GIVEN = exp.select(
    *("routine", "kind", "file", "file_hash", "definition", "rights", "catalog_hash", "engine_version")
).from_(exp.table_("routine", db="sqlml"))


Altered = dict[str, dict[str, tuple[str, str]]]
"""By migration the objects of earlier ones that it changes, with their definitions before and after."""


@dataclass(frozen=True)
class _Given:
    """What the files give: migrations with their hashes, and a row for each object, as an installation records it."""

    migrations: dict[str, str]
    objects: list[dict[str, str]]
    altered: Altered


class _Undone(Exception):
    """Ends a transaction that was only made to be looked at."""


def is_unrecorded(engine: Engine) -> bool:
    """Whether the database has the tables of sqlml, and no record of the file that made them."""
    if engine.name not in BY_HAND or not is_installed(engine):
        return False
    return not any(name.startswith("migrations/") for name, _ in engine.rows(query("recorded_migrations")))


def adopt(engine: Engine, owner: Session, install_anew: Callable[[Session, str], Altered]) -> list[Difference]:
    """Record what is there as the files give it, in the transaction of an installation; gives the routines that differ.

    What the files give is seen by installing them, through ``install_anew(owner, level)``, with our schemas out of the
    way, which is undone. A file of which nothing is there is left to be applied, and so is a migration that only alters
    what earlier ones have made, where that is not altered.
    """
    found = engine.catalog()
    has_inline = any(_is_inline(engine, name, entry) for name, entry in found.items())
    given = _given(engine, install_anew, "inline" if has_inline else "plain")
    recorded = {routine.routine for routine in recorded_routines(engine)}
    there = {row["file"] for row in given.objects if row["routine"] in found}
    now = utc_now()
    for name, file_hash in given.migrations.items():
        if name in there or _is_altered(given.altered.get(name, {}), found):
            row = {"migration": name, "file_hash": file_hash, "applied_at": now}
            owner.execute(query("insert_migration"), row)
    for each in given.objects:
        if each["file"] in there and each["routine"] not in recorded:
            owner.execute(query("insert_routine"), {**each, "recorded_at": now})
    routines = {each.routine for each in recorded_routines(engine) if each.file.startswith(("routines/", "inline/"))}
    return [each for each in verify(engine) if each.state in ("edited", "missing") and each.routine in routines]


def refuse_differences(engine: Engine) -> None:
    """Refuse to take over what differs from the files, and could not be created anew.

    Raises
    ------
    InstallError
        With each object, the lines that differ and what to do.
    """
    wrong = [each for each in verify(engine) if each.state in ("edited", "missing", "behind")]
    if wrong:
        told = "\n".join("\n  ".join((str(each), *each.diff)) for each in wrong)
        raise InstallError(
            "the files of sqlml were run here by hand, and what is there differs from what they give. Nothing was "
            f"changed; mend this, then install again:\n{told}"
        )


def _is_altered(altered: Mapping[str, tuple[str, str]], found: Mapping[str, CatalogEntry]) -> bool:
    """Whether objects have the lines that a migration adds to their definitions, and none of those that it takes."""
    for name, (before, after) in altered.items():
        lines, old, new = (set(text.splitlines()) for text in (_definition(name, found), before, after))
        if not (new - old <= lines and lines.isdisjoint(old - new)):
            return False
    return bool(altered)


def _definition(name: str, found: Mapping[str, CatalogEntry]) -> str:
    return found[name].definition if name in found else ""


def _given(engine: Engine, install_anew: Callable[[Session, str], Altered], level: str) -> _Given:
    given: list[_Given] = []
    with suppress(_Undone), engine.transaction() as owner:
        there = engine.catalog()
        for schema, rename in _ASIDE.items():
            if schema in there:
                engine.execute(rename)
        altered = install_anew(owner, level)
        migrations = {str(name): str(file_hash) for name, file_hash in owner.rows(query("recorded_migrations"))}
        names = _GIVEN.named_selects
        rows = owner.rows(_GIVEN.sql(engine.dialect))
        objects = [dict(zip(names, map(str, row), strict=True)) for row in rows]
        # What answers for every model is made from the models, when all else is there.
        kept = [row for row in objects if not row["file"].startswith(COMPILED)]
        given.append(_Given(migrations, kept, altered))
        raise _Undone
    return given[0]


def _is_inline(engine: Engine, name: str, entry: CatalogEntry) -> bool:
    """Whether an object is one of those that only a server with Python in it has."""
    return entry.kind == "function" and bare_name(name) in {file.stem for file in sql_files(engine.name, "inline")}
