"""Put the SQL files of ``udfs/`` into a database, record what was put there, and hold the database against them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sqlml.engine import CatalogEntry, Engine
from sqlml.errors import InstallError
from sqlml.registry.queries import query
from sqlml.registry.routine import RecordedRoutine, record_routines, recorded_routines, text_hash
from sqlml.registry.run import utc_now

_CREATED = re.compile(r"^CREATE (?:OR REPLACE )?(?:MACRO|VIEW|TABLE) ([a-z_]+\.[a-z_]+)", re.MULTILINE)


@dataclass(frozen=True)
class SqlFile:
    """One file of ``udfs/``: a migration that runs once, or a routine that is created or replaced."""

    name: str
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 of the text."""
        return text_hash(self.text)

    @property
    def creates(self) -> tuple[str, ...]:
        """The objects that the file creates, as ``schema.name``."""
        return tuple(_CREATED.findall(self.text))


@dataclass(frozen=True)
class Difference:
    """An object of the database that is not as the files say."""

    routine: str
    state: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.state:<8} {self.routine}: {self.explanation}"


def shipped_folder(name: str) -> Path:
    """A folder that the wheel carries inside the package, and a checkout beside it."""
    inside = Path(str(files("sqlml"))) / name
    return inside if inside.is_dir() else inside.parent.parent / name


def sql_files(engine_name: str, folder: str) -> list[SqlFile]:
    """The files of ``udfs/<engine>/<folder>`` in the order in which they are applied."""
    paths = sorted((shipped_folder("udfs") / engine_name / folder).glob("*.sql"))
    if not paths:
        raise InstallError(f"the installed package lacks udfs/{engine_name}/{folder}; install sqlml again")
    return [SqlFile(f"{folder}/{path.name}", path.read_text(encoding="utf-8")) for path in paths]


def install(engine: Engine, repair: bool = False) -> list[str]:
    """Bring the database up to the files, in one transaction; gives the files that were applied.

    With ``repair`` the routines that were edited or dropped in the database are created again, too.

    Raises
    ------
    InstallError
        Where the database was made by a newer sqlml.
    """
    pending = pending_migrations(engine)
    stale = stale_routines(engine, repair) if not pending else sql_files(engine.name, "routines")
    if not pending and not stale:
        return []
    with engine.transaction() as owner:
        for migration in pending:
            owner.script(migration.text)
            owner.execute(
                query("insert_migration"),
                {"migration": migration.name, "file_hash": migration.hash, "applied_at": utc_now()},
            )
        for file in pending + stale:
            if file in stale:
                owner.script(file.text)
            record_routines(owner, file.creates, file.name, file.hash)
    return [file.name for file in pending + stale]


def is_installed(engine: Engine) -> bool:
    """Whether the database has the tables of sqlml."""
    return "sqlml.migration" in engine.catalog()


def pending_migrations(engine: Engine) -> list[SqlFile]:
    """The migrations that the database lacks."""
    migrations = sql_files(engine.name, "migrations")
    if not is_installed(engine):
        return migrations
    applied = {name for name, _ in engine.rows(query("recorded_migrations"))}
    newer = applied - {migration.name for migration in migrations}
    if newer:
        raise InstallError(f"the database was made by a newer sqlml ({', '.join(sorted(newer))}); upgrade the package")
    return [migration for migration in migrations if migration.name not in applied]


def stale_routines(engine: Engine, repair: bool) -> list[SqlFile]:
    """The routine files of which the database holds another text, none, or one made by another engine version."""
    recorded = {routine.routine: routine for routine in recorded_routines(engine)}
    catalog = engine.catalog() if repair else {}

    def is_stale(name: str, file: SqlFile) -> bool:
        known = recorded.get(name)
        if known is None or known.file_hash != file.hash or known.engine_version != engine.version():
            return True
        return repair and _catalog_hash(catalog.get(name)) != known.catalog_hash

    return [file for file in sql_files(engine.name, "routines") if any(is_stale(name, file) for name in file.creates)]


def verify(engine: Engine) -> list[Difference]:
    """Hold the database against the files; an empty list means that they agree.

    ``behind``: the file has changed since; ``edited``: the object was changed in the database; ``missing``:
    it is gone; ``extra``: the database holds an object in schema ``sqlml`` that no file and no model created.
    """
    if not is_installed(engine):
        return [Difference("sqlml", "missing", "nothing is installed; run sqlml init")]
    catalog, recorded = engine.catalog(), recorded_routines(engine)
    sources = {
        name: file
        for folder in ("migrations", "routines")
        for file in sql_files(engine.name, folder)
        for name in file.creates
    }
    found = [
        Difference(file.name, "behind", "the migration was not applied; run sqlml init")
        for file in pending_migrations(engine)
    ]
    for routine in recorded:
        found += _compared(routine, catalog.get(routine.routine), sources.get(routine.routine), engine.version())
    known = {routine.routine for routine in recorded} | _prediction_tables(engine)
    found += [
        Difference(name, "missing", f"{file.name} was never applied; run sqlml init")
        for name, file in sources.items()
        if name not in known
    ]
    found += [
        Difference(name, "extra", f"a {entry.kind} that no file of sqlml creates; drop it or move it to another schema")
        for name, entry in catalog.items()
        if name.startswith("sqlml.") and name not in known
    ]
    return sorted(found, key=lambda difference: (difference.routine, difference.state))


def _catalog_hash(entry: CatalogEntry | None) -> str | None:
    return None if entry is None else text_hash(entry.definition)


def _compared(
    recorded: RecordedRoutine, entry: CatalogEntry | None, file: SqlFile | None, engine_version: str
) -> list[Difference]:
    """What is different about one recorded object; a compiled one has no file."""
    name, is_compiled = recorded.routine, recorded.file.startswith("compiled:")
    remedy = "run sqlml init"
    if is_compiled:
        remedy = f"deploy {recorded.file.removeprefix('compiled:')} again"
    elif recorded.kind == "table":
        remedy = "a migration runs once, so put it back by hand, or restore the file from a copy"
    if entry is None:
        return [Difference(name, "missing", f"it was created from {recorded.file}; {remedy}")]
    found = []
    if recorded.engine_version == engine_version and _catalog_hash(entry) != recorded.catalog_hash:
        found.append(Difference(name, "edited", f"it was changed after it was created from {recorded.file}; {remedy}"))
    if file is None and not is_compiled:
        found.append(Difference(name, "extra", f"{recorded.file} is no longer part of sqlml; drop it"))
    if file is not None and file.hash != recorded.file_hash:
        found.append(Difference(name, "behind", f"{file.name} has changed since it was applied; {remedy}"))
    return found


def _prediction_tables(engine: Engine) -> set[str]:
    return {str(row[0]).replace('"', "") for row in engine.rows("SELECT relation FROM sqlml.prediction_table")}
