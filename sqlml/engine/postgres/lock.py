"""Locks between transactions of PostgreSQL, and what a transaction must be like for a lock to mean something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from sqlml.errors import InvalidArgument, TransactionError

Rows = Callable[..., list[tuple[Any, ...]]]


def take_lock(what: str, callers: Rows, owners: Rows) -> None:
    """Wait until no other transaction holds a lock, and hold it until the end of this one.

    ``callers`` and ``owners`` run a statement with the rights of either.
    """
    refuse_snapshot(callers)
    if callers(_HAS_LOCKS)[0][0]:
        # The second of two transactions waits for the end of the first to know whether the name is taken.
        for statement in _LOCK:
            owners(statement, {"what": what})
    else:
        callers(_FIRST_LOCK, {"what": f"sqlml {what}"})


def refuse_snapshot(rows: Rows) -> None:
    """Refuse a transaction that does not see what others commit while it waits for them.

    Raises
    ------
    TransactionError
        With how to have another one.
    """
    ((isolation,),) = rows("SELECT pg_catalog.current_setting('transaction_isolation')")
    if isolation not in ("read committed", "read uncommitted"):
        raise TransactionError(
            f"the transaction is {isolation.upper()} and would not see what another job writes while this one waits "
            "for it, so that rows could be written twice; ROLLBACK, and call it in one that is READ COMMITTED. Where "
            "the other is the default: SET default_transaction_isolation = 'read committed', or ALTER ROLE ... SET it"
        )


def place_to_write(rows: Rows, table: exp.Table) -> str:
    """Where a table is, or would be made: the same text for all names of one table.

    Raises
    ------
    InvalidArgument
        Where its name has no schema, and the search path names none that is there.
    """
    asked = {"name": table.sql("postgres"), "schema": table.db or None, "table": table.name}
    ((place, path),) = rows(_PLACE_TO_WRITE, asked)
    if place is None:
        raise InvalidArgument(
            f"into => {table.name!r} has no schema, and the search path, {path!r}, names none that is there; write "
            f"'schema.table', or SET search_path"
        )
    return str(place)


_HAS_LOCKS = "SELECT pg_catalog.to_regclass('sqlml.lock') IS NOT NULL"
_LOCK = ("INSERT INTO sqlml.lock (name) VALUES ($what)", "DELETE FROM sqlml.lock WHERE name = $what")
"""Locks that only the owner can hold; an advisory lock is free to all who may log in."""

_FIRST_LOCK = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($what, 0::bigint))::text"
"""The lock of whoever installs sqlml, when there are no tables yet."""

_PLACE_TO_WRITE = """
SELECT pg_catalog.quote_ident(coalesce(nspname, $schema::pg_catalog.name, pg_catalog.current_schema())) || '.'
         || pg_catalog.quote_ident(coalesce(relname, $table::pg_catalog.name)),
       pg_catalog.current_setting('search_path')
FROM (SELECT pg_catalog.to_regclass($name) AS oid) AS found
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = found.oid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
"""
