"""Hold a database against the files that it was made from."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine
from sqlml.errors import PermissionDenied
from sqlml.install.compiled import is_of_version, kept_statements
from sqlml.install.files import (
    ANOTHER_TEXT,
    SqlFile,
    changed_migrations,
    is_in_schema,
    is_installed,
    lacking_migrations,
    other_versions,
    sql_files,
)
from sqlml.install.owners import OWNER, as_owned, counted, is_given_away, of_others, without_owner
from sqlml.install.policies import as_ours, is_changed
from sqlml.install.queue import QUEUE
from sqlml.install.rights import expected_rights, void_grants
from sqlml.registry.routine import COMPILED, RecordedRoutine, recorded_definition, recorded_routines


@dataclass(frozen=True)
class Difference:
    """An object of the database that is not as the files say; ``diff`` has the lines that differ, where it is known."""

    routine: str
    state: str
    explanation: str
    diff: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.state:<8} {self.routine}: {self.explanation}"


READINGS = 5
"""So many times at most the database is read until two readings agree."""


def verify(engine: Engine) -> list[Difference]:
    """Hold the database against the files; an empty list means that they agree.

    ``behind``: the file has changed since; ``edited``: the object, its owner or its grants were changed in the
    database; ``missing``: it is gone; ``extra``: schema ``sqlml`` holds an object that no file and no model created.

    Others may install and deploy meanwhile. No snapshot would help: PostgreSQL writes the text of a function as it is
    now, whatever the transaction sees. So what differs is read again, until it stays.

    Raises
    ------
    PermissionDenied
        Where whoever asks may not read the metadata.
    InstallError
        Where the database was made by a newer sqlml, or with a newer library of the queue.
    """
    found: list[Difference] = []
    try:
        for _ in range(READINGS):
            before, found = found, _differences(engine)
            if not found or found == before:
                break
    except PermissionDenied as error:
        raise PermissionDenied(f"{error.message}. Verify as a member of sqlml_reader, who may read this") from error
    return found


def _differences(engine: Engine) -> list[Difference]:
    command = engine.installer
    if is_given_away(engine):
        return _given_away(engine)
    if not is_installed(engine):
        return [Difference("sqlml", "missing", f"nothing is installed; run {command}")]
    catalog, recorded = engine.catalog(), recorded_routines(engine)
    files = _expected_files(engine.name, recorded)
    others = other_versions(engine, recorded)
    found = _of_migrations(engine) + [_of_another_version(engine, version) for version in others]
    rights = expected_rights(engine, catalog)
    for routine in recorded:
        expected, is_comparable = rights.of_recorded(routine), routine.engine_version not in others
        entry, file = catalog.get(routine.routine), files.get(routine.file)
        found += _compared(engine, routine, expected, entry, file, is_comparable)
    found += [_void_grant(engine, model, role) for model, role in void_grants(engine, catalog)]
    applied = {routine.file for routine in recorded}
    found += [
        Difference(f"sqlml.{file.stem}", "missing", f"{file.name} was never applied; run {command}")
        for file in files.values()
        if file.name not in applied and not file.name.startswith("migrations/")
    ]
    known = {routine.routine for routine in recorded} | _prediction_tables(engine)
    found += [
        Difference(name, "extra", f"a {entry.kind} that no file of sqlml creates; drop it or move it to another schema")
        for name, entry in catalog.items()
        if is_in_schema(name, entry) and name not in known
    ]
    return sorted(found, key=lambda difference: (difference.routine, difference.state))


def _given_away(engine: Engine) -> list[Difference]:
    """One line for all that belongs to others: what else differs is seen when it was given back."""
    catalog = engine.catalog()
    others = of_others(engine, catalog)
    found = f"{counted(catalog[name].kind for name in others)} belong to {', '.join(sorted({*others.values()}))}"
    remedy = f"run {engine.installer} as a superuser, which gives them back"
    return [Difference("sqlml", "edited", f"{found}, and should belong to {OWNER}; {remedy}")]


def _void_grant(engine: Engine, model: str, role: str) -> Difference:
    return Difference(
        "sqlml.model_grant",
        "edited",
        f"model {model} is granted to {role}, who was dropped or renamed, or whom this server does not know; "
        f"run {engine.installer}, which takes it back, and grant it again where it is meant",
    )


def _of_migrations(engine: Engine) -> list[Difference]:
    lacking = [
        Difference(file.name, "behind", f"the migration was not applied; run {engine.installer}")
        for file in lacking_migrations(engine)
    ]
    return lacking + [
        Difference(file.name, "behind", f"the database was made from another text of it; {ANOTHER_TEXT}")
        for file in changed_migrations(engine)
    ]


def _of_another_version(engine: Engine, version: str) -> Difference:
    return Difference(
        "sqlml",
        "behind",
        f"it was recorded under version {version} of the engine, and this is {engine.version()}, which may write the "
        f"same in other words, so edits cannot be told; run {engine.installer}",
    )


def _expected_files(engine_name: str, recorded: list[RecordedRoutine]) -> dict[str, SqlFile]:
    """The files that the database should be made from, by name; those for Python in a server only where one was."""
    folders = ["migrations", "routines"]
    if any(routine.file.startswith("inline/") for routine in recorded):
        folders.append("inline")
    return {file.name: file for folder in folders for file in sql_files(engine_name, folder)}


def _compared(
    engine: Engine,
    recorded: RecordedRoutine,
    rights: str,
    entry: CatalogEntry | None,
    file: SqlFile | None,
    is_comparable: bool,
) -> list[Difference]:
    """What is different about one recorded object; a compiled one has no file."""
    name = recorded.routine
    origin = "the models that are live" if recorded.file == COMPILED else recorded.file
    if entry is None:
        return [Difference(name, "missing", f"it was created from {origin}; {_remedy(engine, recorded)}")]
    found = []
    if is_comparable and is_changed(engine, recorded, entry, rights):
        found.append(_edited(engine, recorded, rights, entry, f"after it was created from {origin}"))
    if file is None and not recorded.file.startswith((COMPILED, QUEUE)):
        found.append(Difference(name, "extra", f"{recorded.file} is no longer part of sqlml; run {engine.installer}"))
    if file is not None and file.hash != recorded.file_hash and not file.name.startswith("migrations/"):
        explanation = f"{file.name} has changed since it was applied; run {engine.installer}"
        found.append(Difference(name, "behind", explanation))
    return found


def _edited(engine: Engine, recorded: RecordedRoutine, rights: str, entry: CatalogEntry, since: str) -> Difference:
    """How an object differs from what it was when it was recorded."""
    known, found = recorded_definition(engine, recorded.routine), as_ours(engine, recorded, entry).definition
    expected = as_owned(engine, known)
    diff = _diff(f"{expected}\n{rights}", f"{found}\n{entry.rights}")
    what, remedy = "its owner or grants were changed", f"run {engine.installer}"
    if without_owner(expected) != without_owner(found):
        what, remedy = "it was changed", _remedy(engine, recorded)
    return Difference(recorded.routine, "edited", f"{what} {since}; {remedy}", diff)


def _remedy(engine: Engine, recorded: RecordedRoutine) -> str:
    if is_of_version(recorded) and recorded.routine not in kept_statements(engine, recorded):
        return "what sqlml.compiled keeps of it was changed, too, so restore the database from a copy, or train again"
    if recorded.file.startswith(("migrations/", QUEUE)):
        return "a migration runs once, so put it back by hand, or restore the database from a copy"
    return f"run {engine.installer}"


def _diff(expected: str, found: str) -> tuple[str, ...]:
    """The lines that differ, with - as they were recorded and + as they are."""
    lines = difflib.unified_diff(_lines(expected), _lines(found), "recorded", "found", n=1, lineterm="")
    return tuple(lines)


def _lines(text: str) -> list[str]:
    """The lines of a definition; where all is on one line, as in DuckDB, it is broken after commas and statements."""
    lines = text.strip().splitlines()
    return re.split(r"(?<=[,;]) ", lines[0]) if len(lines) == 1 else lines


def _prediction_tables(engine: Engine) -> set[str]:
    """Those that stand in our schema, as the catalog names them: one of the engines puts no name in quotes."""
    recorded = exp.select("relation").from_(exp.table_("prediction_table", db="sqlml")).sql(engine.dialect)
    places = [str(relation) for (relation,) in engine.rows(recorded)]
    tables = [engine.table_at(place) for place in places]
    return {*places, *(f"{table.db}.{table.name}" for table in tables)}
