"""A whole table of PostgreSQL out of one statement, which the server can deal out to its parallel workers.

A statement sees one state of the table, so that no copy of it is needed. Each part of it reads some of the pages and
gathers the bytes of their columns, as :mod:`sqlml.engine.postgres.columns` says; the parts come in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from sqlml.engine.postgres.columns import Column, columns_select, fixed_width, has_fixed_width, source_name
from sqlml.engine.postgres.relation import verbatim
from sqlml.engine.postgres.types import named_type
from sqlml.engine.relation import table_name

LARGEST_BYTES = 256 * 1024**2
"""Above this, as it is stored or as its values are gathered, a table is read from a copy, bit by bit: one statement's
answer is in memory as a whole. A NULL takes a bit in the table and as much as any value when gathered."""

_PARTS = 8
"""Into so many parts a table is divided: enough that workers are done at about the same time."""
_PAGES = """
SELECT pg_catalog.pg_relation_size(oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8,
       pg_catalog.pg_relation_size(oid)
FROM pg_catalog.pg_class
WHERE oid = pg_catalog.to_regclass($name) AND relkind = 'r' AND NOT relhassubclass
  AND relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'heap')
"""
_ALL_OF = "SELECT * FROM "


def whole_selects(
    sql: str, columns: Sequence[Column], rows: Callable[..., list[tuple[Any, ...]]]
) -> Callable[[frozenset[int]], exp.Query] | None:
    """What makes the SELECT that gathers, in parts, a SELECT that is that of a plain table; None where it is not.

    The function takes the positions of the columns that come with flags, as ``columns_select`` does. ``rows`` runs a
    statement. Values of any length are not read so: they may be compressed, and how much they are shows too late.
    """
    table = table_name(sql.removeprefix(_ALL_OF), "postgres") if sql.startswith(_ALL_OF) else None
    if table is None or not all(has_fixed_width(column.type) for column in columns):
        return None
    found = rows(_PAGES, {"name": table.sql("postgres")})
    if not found or not 0 < found[0][1] <= LARGEST_BYTES:
        return None
    pages = found[0][0]
    count = exp.select(exp.Count(this=exp.Star())).from_(table.copy()).sql("postgres")
    if rows(count)[0][0] * sum(fixed_width(column.type) for column in columns) > LARGEST_BYTES:
        return None
    step = -(-pages // _PARTS)
    names = [source_name(position) for position in range(len(columns))]
    parts = [verbatim(_pages_of(table, start, step, pages), "q", names) for start in range(0, pages, step)]
    return lambda flagged: _together([columns_select(part, columns, flagged) for part in parts])


def _pages_of(table: exp.Table, start: int, step: int, pages: int) -> str:
    """The rows of some pages; the last of them are without an end, as the table may have grown."""
    within: list[exp.Expr] = [exp.GTE(this=exp.column("ctid"), expression=_tid(start))]
    if start + step < pages:
        within.append(exp.LT(this=exp.column("ctid"), expression=_tid(start + step)))
    return exp.select("*").from_(table).where(*within).sql("postgres")


def _tid(page: int) -> exp.Expr:
    return exp.cast(exp.Literal.string(f"({page},0)"), named_type("tid"))


def _together(parts: Sequence[exp.Select]) -> exp.Query:
    return exp.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
