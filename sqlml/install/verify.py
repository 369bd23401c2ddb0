"""Hold a database against the files that it was made from."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine
from sqlml.install.files import (
    COMMANDS,
    SqlFile,
    is_in_schema,
    is_installed,
    other_versions,
    pending_migrations,
    sql_files,
)
from sqlml.install.policies import as_ours, is_changed
from sqlml.install.queue import QUEUE
from sqlml.install.rights import expected_rights, model_grants, without_owner
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


def verify(engine: Engine) -> list[Difference]:
    """Hold the database against the files; an empty list means that they agree.

    ``behind``: the file has changed since; ``edited``: the object, its owner or its grants were changed in the
    database; ``missing``: it is gone; ``extra``: schema ``sqlml`` holds an object that no file and no model created.
    """
    command = COMMANDS[engine.name]
    if not is_installed(engine):
        return [Difference("sqlml", "missing", f"nothing is installed; run {command}")]
    catalog, recorded = engine.catalog(), recorded_routines(engine)
    files = _expected_files(engine.name, recorded)
    found = [
        Difference(file.name, "behind", f"the migration was not applied; run {command}")
        for file in pending_migrations(engine)
    ]
    others = other_versions(engine, recorded)
    found += [_of_another_version(engine, version) for version in others]
    grants = model_grants(engine, catalog)
    for routine in recorded:
        expected, is_comparable = expected_rights(routine, grants), routine.engine_version not in others
        entry, file = catalog.get(routine.routine), files.get(routine.file)
        found += _compared(engine, routine, expected, entry, file, is_comparable)
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


def _of_another_version(engine: Engine, version: str) -> Difference:
    return Difference(
        "sqlml",
        "behind",
        f"it was recorded under version {version} of the engine, and this is {engine.version()}, which may write the "
        f"same in other words, so edits cannot be told; run {COMMANDS[engine.name]}",
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
    name, remedy = recorded.routine, _remedy(recorded, COMMANDS[engine.name])
    origin = "the models that are live" if recorded.file == COMPILED else recorded.file
    if entry is None:
        return [Difference(name, "missing", f"it was created from {origin}; {remedy}")]
    found = []
    if is_comparable and is_changed(engine, recorded, entry, rights):
        found.append(_edited(engine, recorded, rights, entry, f"after it was created from {origin}", remedy))
    if file is None and not recorded.file.startswith((COMPILED, QUEUE)):
        found.append(Difference(name, "extra", f"{recorded.file} is no longer part of sqlml; {remedy}"))
    if file is not None and file.hash != recorded.file_hash:
        found.append(Difference(name, "behind", f"{file.name} has changed since it was applied; {remedy}"))
    return found


def _edited(
    engine: Engine, recorded: RecordedRoutine, rights: str, entry: CatalogEntry, since: str, remedy: str
) -> Difference:
    """How an object differs from what it was when it was recorded."""
    expected, found = recorded_definition(engine, recorded.routine), as_ours(engine, recorded, entry).definition
    diff = _diff(f"{expected}\n{rights}", f"{found}\n{entry.rights}")
    what = "it was changed"
    if without_owner(expected) == without_owner(found):
        what, remedy = "its owner or grants were changed", f"run {COMMANDS[engine.name]}"
    return Difference(recorded.routine, "edited", f"{what} {since}; {remedy}", diff)


def _remedy(recorded: RecordedRoutine, command: str) -> str:
    if recorded.file.startswith(COMPILED) and recorded.file != COMPILED:
        return f"deploy {recorded.file.removeprefix(COMPILED)} again"
    if recorded.file.startswith(("migrations/", QUEUE)):
        return "a migration runs once, so put it back by hand, or restore the database from a copy"
    return f"run {command}"


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
