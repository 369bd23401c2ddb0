"""Take over a database into which the files were run by hand, as ``psql -f`` runs them: nothing is recorded there."""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(frozen=True)
class _Given:
    """What the files give: migrations with their hashes, and a row for each object, as an installation records it."""

    migrations: dict[str, str]
    objects: list[dict[str, str]]


class _Undone(Exception):
    """Ends a transaction that was only made to be looked at."""


def is_unrecorded(engine: Engine) -> bool:
    """Whether the database has the tables of sqlml, and no record of the file that made them."""
    if engine.name not in BY_HAND or not is_installed(engine):
        return False
    return not any(name.startswith("migrations/") for name, _ in engine.rows(query("recorded_migrations")))


def adopt(engine: Engine, owner: Session, install_anew: Callable[[Session, str], None]) -> list[Difference]:
    """Record what is there as the files give it, in the transaction of an installation; gives the routines that differ.

    What the files give is seen by installing them, through ``install_anew(owner, level)``, with our schemas out of the
    way, which is undone. A file of which nothing is there is left to be applied.
    """
    found = engine.catalog()
    has_inline = any(_is_inline(engine, name, entry) for name, entry in found.items())
    given = _given(engine, install_anew, "inline" if has_inline else "plain")
    recorded = {routine.routine for routine in recorded_routines(engine)}
    there = {row["file"] for row in given.objects if row["routine"] in found}
    now = utc_now()
    for name, file_hash in given.migrations.items():
        if name in there:
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


def _given(engine: Engine, install_anew: Callable[[Session, str], None], level: str) -> _Given:
    given: list[_Given] = []
    with suppress(_Undone), engine.transaction() as owner:
        there = engine.catalog()
        for schema, rename in _ASIDE.items():
            if schema in there:
                engine.execute(rename)
        install_anew(owner, level)
        migrations = {str(name): str(file_hash) for name, file_hash in owner.rows(query("recorded_migrations"))}
        names = _GIVEN.named_selects
        rows = owner.rows(_GIVEN.sql(engine.dialect))
        objects = [dict(zip(names, map(str, row), strict=True)) for row in rows]
        # What answers for every model is made from the models, when all else is there.
        given.append(_Given(migrations, [row for row in objects if not row["file"].startswith(COMPILED)]))
        raise _Undone
    return given[0]


def _is_inline(engine: Engine, name: str, entry: CatalogEntry) -> bool:
    """Whether an object is one of those that only a server with Python in it has."""
    return entry.kind == "function" and bare_name(name) in {file.stem for file in sql_files(engine.name, "inline")}
