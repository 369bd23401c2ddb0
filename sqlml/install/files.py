"""The SQL files that sqlml brings, and which of them a database lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine
from sqlml.errors import InstallError
from sqlml.install.queue import QUEUE, pending_queue_migrations
from sqlml.registry.queries import query
from sqlml.registry.routine import RecordedRoutine, recorded_routines, text_hash

_SCHEMAS = ("sqlml", "sqlml_queue")


@dataclass(frozen=True)
class SqlFile:
    """One file of ``udfs/``: a migration that runs once, or a routine that is created or replaced.

    A file of a routine creates objects of its own name, in one schema or more.
    """

    name: str
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 of the text."""
        return text_hash(self.text)

    @property
    def stem(self) -> str:
        """The name of the routine that the file creates."""
        return Path(self.name).stem


def shipped_folder(name: str) -> Path:
    """A folder that the wheel carries inside the package, and a checkout beside it."""
    inside = Path(str(files("sqlml"))) / name
    return inside if inside.is_dir() else inside.parent.parent / name


def sql_files(engine_name: str, folder: str) -> list[SqlFile]:
    """The files of ``udfs/<engine>/<folder>`` in the order in which they are applied.

    ``inline`` holds what only goes into a server that runs Python; DuckDB, which always does, has no such folder.

    Raises
    ------
    InstallError
        Where the package was installed without its files.
    """
    paths = sorted((shipped_folder("udfs") / engine_name / folder).glob("*.sql"))
    if not paths and folder != "inline":
        raise InstallError(f"the installed package lacks udfs/{engine_name}/{folder}; install sqlml again")
    return [SqlFile(f"{folder}/{path.name}", path.read_text(encoding="utf-8")) for path in paths]


def is_installed(engine: Engine) -> bool:
    """Whether the database has the tables of sqlml; a schema of that name that is not ours is not looked into."""
    return engine.has_table(exp.table_("migration", db="sqlml")) and engine.owns("sqlml")


def pending_migrations(engine: Engine) -> list[SqlFile]:
    """The migrations that the database lacks.

    Raises
    ------
    InstallError
        Where the database was made by a newer sqlml, or from another text of a migration.
    """
    changed = changed_migrations(engine)
    if changed:
        names = ", ".join(file.name for file in changed)
        raise InstallError(f"the database was made from another text of {names} than this sqlml brings; {ANOTHER_TEXT}")
    return lacking_migrations(engine)


ANOTHER_TEXT = (
    "a migration runs once, so its tables may lack what is needed here. Go on with the sqlml that made the database, "
    "or make a new database with this one and train the models there"
)
"""What to do where the text of a migration is not the one that was applied."""


def changed_migrations(engine: Engine) -> list[SqlFile]:
    """The migrations of which the database was given another text; a queue may be made of one text or of several."""
    applied = _applied_migrations(engine)
    return [file for file in sql_files(engine.name, "migrations") if applied.get(file.name, file.hash) != file.hash]


def lacking_migrations(engine: Engine) -> list[SqlFile]:
    """The migrations that the database lacks, whatever it was made from.

    Raises
    ------
    InstallError
        Where the database was made by a newer sqlml, with a newer library of the queue, or still has the queue of a
        sqlml that was dropped.
    """
    migrations, applied = sql_files(engine.name, "migrations"), _applied_migrations(engine)
    newer = {name for name in applied if not name.startswith(QUEUE)} - {migration.name for migration in migrations}
    if newer:
        raise InstallError(f"the database was made by a newer sqlml ({', '.join(sorted(newer))}); upgrade the package")
    queue = pending_queue_migrations(applied) if "worker" in engine.runtimes else []
    # Who has run all files by hand has a queue that nothing records, and our tables.
    if queue and not is_installed(engine) and engine.has_table(exp.table_("procrastinate_jobs", db="sqlml_queue")):
        raise InstallError(
            "schema sqlml_queue holds the queue of a sqlml that is not in this database any more; it goes with it: "
            "DROP SCHEMA sqlml_queue CASCADE, then install"
        )
    return [file for file in migrations if file.name not in applied] + [SqlFile(*each) for each in queue]


def _applied_migrations(engine: Engine) -> dict[str, str]:
    """By name the hashes of the migrations that were applied."""
    return dict(engine.rows(query("recorded_migrations"))) if is_installed(engine) else {}


def stale_files(engine: Engine, folder: str, repair: bool) -> list[SqlFile]:
    """The files of a folder of which the database holds another text, none, or one made by another engine version.

    With ``repair`` also those of which an object was edited or dropped in the database.
    """
    catalog = engine.catalog() if repair else None
    by_file: dict[str, list[RecordedRoutine]] = {}
    recorded = recorded_routines(engine)
    others = other_versions(engine, recorded)
    for routine in recorded:
        by_file.setdefault(routine.file, []).append(routine)

    def is_stale(file: SqlFile) -> bool:
        known = by_file.get(file.name, [])
        return not known or any(
            routine.file_hash != file.hash
            or routine.engine_version in others
            or (catalog is not None and not routine.describes(catalog.get(routine.routine)))
            for routine in known
        )

    return [file for file in sql_files(engine.name, folder) if is_stale(file)]


def other_versions(engine: Engine, recorded: Iterable[RecordedRoutine]) -> set[str]:
    """The versions of the engine that told of what is recorded in other words than this one may use."""
    return {version for version in {routine.engine_version for routine in recorded} if not engine.tells_as(version)}


def abandoned_files(engine: Engine, recorded: Iterable[RecordedRoutine]) -> set[str]:
    """The files of routines that were applied once and are no longer part of sqlml."""
    folders = ("routines", "inline")
    shipped = {file.name for folder in folders for file in sql_files(engine.name, folder)}
    return {routine.file for routine in recorded if routine.file.partition("/")[0] in folders} - shipped


def bare_name(name: str) -> str:
    """The name of an object of the catalog without its schema and the types of its arguments.

    >>> bare_name('sqlml."check"(text, text)')
    'check'
    """
    return name.partition("(")[0].rpartition(".")[2].strip('"')


def is_in_schema(name: str, entry: CatalogEntry) -> bool:
    """Whether an object of the catalog stands in a schema of sqlml, where nobody else puts anything."""
    return entry.kind != "role" and name.partition(".")[0] in _SCHEMAS
