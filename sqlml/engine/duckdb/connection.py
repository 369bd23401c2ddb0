"""DuckDB files that are open in this process, and the connections to them."""

from __future__ import annotations

import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
from duckdb.func import ARROW, NATIVE, SPECIAL

from sqlml.engine.duckdb.engine import DuckDBEngine, error_of, wrapped_errors
from sqlml.errors import EngineError, InvalidArgument, TransactionError


@dataclass(frozen=True)
class Function:
    """A Python function that SQL calls; ``parameters`` is None for one over whole Arrow columns of any type."""

    name: str
    call: Callable[..., Any]
    parameters: Any
    returns: str


@dataclass(eq=False)
class Database:
    """A database that is open here: one root connection, which carries the functions and no statements of users."""

    root: duckdb.DuckDBPyConnection
    key: object
    connections: int = 0
    functions: list[str] = field(default_factory=list)
    writing: threading.RLock = field(default_factory=threading.RLock)
    began: dict[int, int] = field(default_factory=dict)
    interrupted: set[int] = field(default_factory=set)

    @contextmanager
    def session(self) -> Iterator[DuckDBEngine]:
        """An engine on a connection of its own, which sees what is committed."""
        with self.root.cursor() as cursor:
            yield DuckDBEngine(cursor, self.writing)

    def add_function(self, function: Function) -> None:
        """Let SQL call a Python function; NULLs reach it, and its errors end the statement."""
        is_arrow = function.parameters is None
        self.root.create_function(
            function.name,
            function.call,
            function.parameters,
            function.returns,
            type=ARROW if is_arrow else NATIVE,
            null_handling=SPECIAL,
            side_effects=not is_arrow,
        )
        self.functions.append(function.name)

    def refuse_open_transaction(self, connection_id: int, transaction_began: int, verb: str) -> None:
        """Refuse a call whose transaction began before its statement did: it was opened by BEGIN.

        Raises
        ------
        TransactionError
            Where the caller could roll back what the call has committed.
        """
        statement_began = self.began.get(connection_id)
        if statement_began is not None and transaction_began < statement_began:
            raise TransactionError(
                f"sqlml.{verb} commits its own work and cannot be part of an open transaction; "
                "COMMIT or ROLLBACK first, then call it"
            )

    def refuse_interrupted(self, connection_id: int) -> None:
        """End a call whose statement was interrupted, before it commits.

        DuckDB runs a function on any of its threads, and only the main thread hears of Ctrl-C.

        Raises
        ------
        KeyboardInterrupt
            Where the statement was interrupted.
        """
        if connection_id in self.interrupted:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Take the functions back and let go of the file."""
        while self.functions:
            self.root.remove_function(self.functions.pop())
        self.root.close()


class Connection(duckdb.DuckDBPyConnection):
    """A DuckDB connection that notes when each statement begins, and raises sqlml's errors as they are.

    In all else it is the class that it derives from.
    """

    __slots__ = ()

    def execute(self, query: Any, parameters: Any = None) -> Connection:  # noqa: D102
        last = self._run_all_but_last(query)
        with self._statement():
            super().execute(last, parameters)
        return self

    def sql(self, query: Any, **options: Any) -> Any:  # noqa: D102
        last = self._run_all_but_last(query)
        with self._statement():
            return super().sql(last, **options)

    query = sql

    def cursor(self) -> Connection:  # noqa: D102
        return _opened(super().cursor(), _SESSIONS[self].database)

    def close(self) -> None:  # noqa: D102
        # Closing an attached connection closes the root too, so the functions go first. Where the garbage collector
        # ends a connection together with its owner, whose __del__ closes it, the session is gone by then.
        session = _SESSIONS.get(self)
        if session is not None:
            session.release()
        super().close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run_all_but_last(self, query: Any) -> Any:
        """Run a script statement by statement, so that each has a beginning of its own; gives the last one."""
        if not isinstance(query, str) or ";" not in query.rstrip().rstrip(";"):
            return query
        statements = self.extract_statements(query)
        for statement in statements[:-1]:
            with self._statement():
                super().execute(statement)
                super().complete()
        return statements[-1] if statements else query

    @contextmanager
    def _statement(self) -> Iterator[None]:
        session = _SESSIONS[self]
        session.statement_begins()
        try:
            with _on_interrupt(session.is_interrupted):
                yield
        except (duckdb.Error, RuntimeError) as error:
            if session.was_interrupted:
                raise KeyboardInterrupt from error
            own = error_of(error) if isinstance(error, duckdb.Error) else None
            if own is not None and (own.code in str(error) or own.code == InvalidArgument.code):
                raise own from None
            raise


@dataclass(eq=False)
class _Session:
    """What is known about one connection besides the connection."""

    database: Database
    connection_id: int
    release: Callable[[], object]

    def statement_begins(self) -> None:
        self.database.interrupted.discard(self.connection_id)
        self.database.began[self.connection_id] = time.time_ns() // 1000

    def is_interrupted(self) -> None:
        self.database.interrupted.add(self.connection_id)

    @property
    def was_interrupted(self) -> bool:
        return self.connection_id in self.database.interrupted


@contextmanager
def _on_interrupt(note: Callable[[], None]) -> Iterator[None]:
    """Call ``note`` on Ctrl-C, before whatever the program does about it."""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return

    def noted(number: int, frame: FrameType | None) -> None:
        note()
        previous(number, frame)

    signal.signal(signal.SIGINT, noted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


_SESSIONS: weakref.WeakKeyDictionary[Connection, _Session] = weakref.WeakKeyDictionary()
_DATABASES: dict[object, Database] = {}
_OPENING = threading.RLock()


def open_connection(
    path: str, read_only: bool, config: Mapping[str, Any], prepare: Callable[[Database], None]
) -> Connection:
    """A connection to a file; ``prepare`` is called once for each file that was not open here yet.

    Raises
    ------
    DatabaseLocked
        Where another process holds the file.
    EngineError
        Where DuckDB cannot open it.
    """
    key = _database_key(path, read_only)
    with _OPENING:
        database = _DATABASES.get(key)
        if database is None:
            with wrapped_errors():
                database = Database(duckdb.connect(path, read_only=read_only, config=dict(config)), key)
            try:
                _refuse_other_files(database.root, path)
                prepare(database)
            except BaseException:
                database.close()
                raise
            _DATABASES[key] = database
        return _opened(database.root.cursor(), database)


def attach_connection(connection: Any, prepare: Callable[[Database, bool], None]) -> Connection:
    """Make a connection that others have opened, and the cursors that it gives, into ours.

    ``prepare`` is called with the database, and whether it can only be read, where it was not open here yet. The
    database then lives as long as the connection: DuckDB closes what came of a connection together with it.
    """
    path, read_only = connection.execute(
        "SELECT path, readonly FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0]
    key: object = object() if path is None else (str(Path(path).resolve()), read_only)
    with _OPENING:
        database = _DATABASES.get(key)
        if database is not None:
            return _opened(connection, database)
        with wrapped_errors():
            database = Database(connection.cursor(), key)
        try:
            prepare(database, read_only)
        except BaseException:
            database.close()
            raise
        _DATABASES[key] = database
        return _opened(connection, database, _close_database)


def _database_key(path: str, read_only: bool) -> object:
    """What two connections to the same database have in common; an unnamed one in memory is like no other."""
    if path in ("", ":memory:"):
        return object()
    if path.startswith(":memory:"):
        return path
    return (str(Path(path).resolve()), read_only)


def _refuse_other_files(root: duckdb.DuckDBPyConnection, path: str) -> None:
    """Refuse a file of another kind: DuckDB reads a CSV or Parquet file into memory, and loses what is made there.

    The file itself is not looked into: to close it would end the lock of this process on it, wherever else the
    process has it open (fcntl(2), "advisory record locking").

    Raises
    ------
    EngineError
        Where DuckDB has opened something else than a database in this file.
    """
    opened = "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    if path and not path.startswith(":memory:") and root.execute(opened).fetchall() == [(None,)]:
        raise EngineError(
            f"{path} is not a DuckDB database. Name a database file, new or old, and read this one into a table of it: "
            f"CREATE TABLE my_table AS FROM '{path}'"
        )


def _opened(connection: Any, database: Database, let_go: Callable[[Database, int], None] | None = None) -> Connection:
    """A connection of the database as a :class:`Connection`, counted until it is closed or forgotten."""
    ((connection_id,),) = connection.execute("SELECT current_connection_id()").fetchall()
    connection.__class__ = Connection
    with _OPENING:
        database.connections += 1
    release = weakref.finalize(connection, let_go or _release, database, connection_id)
    _SESSIONS[connection] = _Session(database, connection_id, release)
    opened: Connection = connection
    return opened


def _release(database: Database, connection_id: int) -> None:
    """Close a database when its last connection is gone; also runs when the interpreter ends."""
    with _OPENING:
        database.began.pop(connection_id, None)
        database.interrupted.discard(connection_id)
        database.connections -= 1
        if database.connections == 0:
            _close_database(database, connection_id)


def _close_database(database: Database, _: int) -> None:
    """Close a database and forget it, unless another one has been opened from the same file since."""
    with _OPENING:
        if _DATABASES.get(database.key) is database:
            del _DATABASES[database.key]
        database.close()
