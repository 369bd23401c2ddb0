"""The queue of the worker: the SQL that procrastinate brings with its package, for schema ``sqlml_queue``."""

from __future__ import annotations

from collections.abc import Collection
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from sqlml.errors import InstallError

QUEUE = "procrastinate/"
"""What the names of its migrations begin with, where they are recorded."""

# Names in its statements are found on the search path, and what it creates goes into the first schema of it.
_BEFORE = "SET search_path = sqlml_queue, pg_catalog;\nSET ROLE sqlml_owner;\n"
_AFTER = "\nRESET ROLE;\nRESET search_path;\n"


def pending_queue_migrations(applied: Collection[str]) -> list[tuple[str, str]]:
    """What a database still lacks, by name and text.

    A new one gets the whole schema at once, under the name of the newest migration that is part of it; from then on
    each newer migration is applied.

    Raises
    ------
    InstallError
        Where the queue of the database was made with a newer package.
    """
    known, there = _known_migrations(), sorted(name for name in applied if name.startswith(QUEUE))
    newer = [name for name in there if name not in known]
    if newer:
        raise InstallError(
            f"the queue in the database was made with a newer procrastinate than the one here, "
            f"{metadata.version('procrastinate')}, which lacks {', '.join(newer)}; upgrade it: "
            "pip install --upgrade procrastinate"
        )
    if not there:
        return [_wrapped(known[-1], _folder() / "schema.sql")]
    later = [name for name in known if name > there[-1]]
    return [_wrapped(name, _folder() / "migrations" / name.removeprefix(QUEUE)) for name in later]


def _known_migrations() -> list[str]:
    """The names of the migrations that the package brings, oldest first."""
    return sorted(f"{QUEUE}{path.name}" for path in (_folder() / "migrations").glob("*.sql"))


def _wrapped(name: str, path: Path) -> tuple[str, str]:
    return name, _BEFORE + path.read_text(encoding="utf-8") + _AFTER


def _folder() -> Path:
    # Found, not imported: it takes longer than all the rest of an installation.
    package = find_spec("procrastinate")
    if package is None or not package.submodule_search_locations:
        raise InstallError("the queue of the worker takes a package: pip install 'sqlml[postgres]'")
    return Path(package.submodule_search_locations[0]) / "sql"
