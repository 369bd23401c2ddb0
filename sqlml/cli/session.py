"""An open database for as long as a command needs it, closed on every way out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlml.cli.failure import Interrupted
from sqlml.cli.interrupt import interruptible, interrupts_held

if TYPE_CHECKING:
    from sqlml.engine.duckdb.connection import Connection
    from sqlml.engine.duckdb.engine import DuckDBEngine

_RUNS = "SELECT count(*) FROM sqlml.run"


@contextmanager
def connected(file: str, read_only: bool = False) -> Iterator[Connection]:
    """A connection on which all of sqlml works; the file is created or brought up to date where it must be."""
    with interrupts_held():
        import sqlml

        with sqlml.connect(file, read_only=read_only) as connection:
            yield connection


@contextmanager
def engine_on(file: str) -> Iterator[tuple[DuckDBEngine, Connection]]:
    """An engine for one use case, and its connection; Ctrl-C ends it, and says what became of the work."""
    from sqlml.engine.duckdb.engine import DuckDBEngine

    with connected(file) as connection:
        engine = DuckDBEngine(connection)
        before = engine.rows(_RUNS)
        try:
            with interruptible(connection):
                yield engine, connection
        except KeyboardInterrupt as error:
            # A use case and its run are written in one transaction.
            done = "it was done already" if engine.rows(_RUNS) != before else "nothing was changed"
            raise Interrupted(f"interrupted; {done}") from error


@contextmanager
def inspected(file: str) -> Iterator[tuple[DuckDBEngine, Connection]]:
    """An engine and its connection on a file that is opened read-only and seen as it is, up to date or not."""
    from sqlml.engine.duckdb.connection import open_connection
    from sqlml.engine.duckdb.engine import DuckDBEngine

    with (
        interrupts_held(),
        open_connection(file, True, {}, lambda _: None) as connection,
        interruptible(connection),
    ):
        yield DuckDBEngine(connection), connection


def exists(file: str) -> bool:
    """Whether there is a database to open: a file, or one in memory, which is always new."""
    return file.startswith(":memory:") or os.path.exists(file)
