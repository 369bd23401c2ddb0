"""``connect``: an ordinary DuckDB connection on which the SQL of sqlml works."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from sqlml.engine.duckdb.connection import (
    Connection,
    Database,
    Function,
    attach_connection,
    open_connection,
)
from sqlml.errors import InstallError
from sqlml.install import install, is_installed, pending_migrations
from sqlml.lifecycle.call import WRITING, call
from sqlml.lifecycle.predict import SCORING_FUNCTIONS, VersionCache

_NEEDS_CONNECT = "sqlml_connect_required_"
"""A plain client shows this prefix in its error, which so names the remedy."""


def connect(
    path: str | os.PathLike[str] = ":memory:",
    *,
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
) -> Connection:
    """Open a DuckDB file and bring it up to this version of sqlml.

    The connection is DuckDB's own. On it ``CALL sqlml.train(...)``, ``predict('model', row)`` and all the other
    routines work as plain SQL text. The first connection to a file in a process creates or replaces the routines
    that are missing or out of date, in one transaction; a file that is up to date is not written to.

    Parameters
    ----------
    path
        A file, which is created where there is none, or ``:memory:``.
    read_only
        Score and read, write nothing; several processes may do so at the same time.
    config
        DuckDB's own settings.

    Raises
    ------
    DatabaseLocked
        Where another process holds the file.
    InstallError
        Where the file was made by a newer sqlml, or is read-only and not up to date.

    Examples
    --------
    >>> con = connect()
    >>> con.execute("SELECT algorithm FROM sqlml.algorithm ORDER BY 1").fetchall()
    [('baseline',), ('lightgbm',), ('linear',)]
    >>> con.close()
    """
    return open_connection(os.fspath(path), read_only, config or {}, partial(_prepare, read_only=read_only))


def attach(connection: Any) -> Connection:
    """Give a DuckDB connection that another tool has opened what a connection of :func:`connect` has.

    It is the same object afterwards, and the cursors made from it work alike. Whoever opened it closes it; the
    functions of sqlml go with it.

    Raises
    ------
    InstallError
        Where the file was made by a newer sqlml, or is read-only and not up to date.

    Examples
    --------
    >>> import duckdb
    >>> con = attach(duckdb.connect())
    >>> con.execute("SELECT count(*) FROM sqlml.model").fetchall()
    [(0,)]
    >>> con.close()
    """
    return attach_connection(connection, _prepare)


def _prepare(database: Database, read_only: bool) -> None:
    """Give a database that was just opened the functions and routines of sqlml."""
    for function in _functions(database):
        database.add_function(function)
    with database.session() as engine:
        if not read_only:
            install(engine)
        elif not is_installed(engine) or pending_migrations(engine):
            raise InstallError("the file is opened read-only and lacks this version of sqlml; run sqlml init on it")


def _functions(database: Database) -> list[Function]:
    versions = VersionCache()

    def run_call(verb: str, arguments: str, connection_id: int, transaction_began: int) -> str:
        if verb in WRITING:
            database.refuse_open_transaction(connection_id, transaction_began, verb)

        def report(_stage: str, _done: int, _total: int) -> None:
            database.refuse_interrupted(connection_id)

        with database.session() as engine:
            return call(engine, verb, arguments, report)

    def scoring(score: Callable[..., pa.Array]) -> Callable[..., pa.Array]:
        def run(*columns: pa.ChunkedArray) -> pa.Array:
            return score(versions, database.session, *columns)

        return run

    called = Function(f"{_NEEDS_CONNECT}call", run_call, ["VARCHAR", "VARCHAR", "UBIGINT", "BIGINT"], "VARCHAR")
    scored = [
        Function(f"{_NEEDS_CONNECT}{name}", scoring(score), None, returns)
        for name, (score, returns) in SCORING_FUNCTIONS.items()
    ]
    return [called, *scored]
