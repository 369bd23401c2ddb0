"""The part of SQL that DuckDB and PostgreSQL 15 share, as sqlglot trees.

Fragments are read as PostgreSQL: there ``/`` keeps the type of its operands, so both engines get the text
that was written, without casts of sqlglot's own. Whoever divides has cast to DOUBLE before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp

from sqlml.errors import InvalidArgument

DIALECTS = ("duckdb", "postgres")
"""The dialects in which the queries of this package are proven to give the same numbers."""

Columns = dict[str, "str | exp.Expr"]
"""What a SELECT gives back: an alias to an expression, or to the constant text of one."""

_READ = "postgres"


def require_dialect(dialect: str) -> None:
    """Refuse a dialect in which the queries are not proven.

    Raises
    ------
    InvalidArgument
        Where ``dialect`` is not one of ``DIALECTS``.
    """
    if dialect not in DIALECTS:
        raise InvalidArgument(f"dialect {dialect!r} has no measuring queries; use one of {', '.join(DIALECTS)}")


def expression(text: str) -> exp.Expr:
    """One scalar expression from constant text.

    >>> expression("SUM(weight) / 2").sql("duckdb")
    'SUM(weight) / 2'
    """
    return sqlglot.parse_one(text, dialect=_READ)


def number(value: float) -> exp.Expr:
    """A literal that both engines read as exactly this double; the exponent keeps DuckDB off DECIMAL.

    >>> number(0.1).sql(), number(1e-50).sql(), number(-3.0).sql()
    ('0.1e0', '1e-50', '-3.0e0')
    """
    digits = repr(abs(float(value)))
    literal = exp.Literal.number(digits if "e" in digits else digits + "e0")
    return exp.Neg(this=literal) if value < 0 else literal


def select(
    columns: Mapping[str, str | exp.Expr],
    source: str | exp.Expr,
    *,
    beside: str | None = None,
    where: Sequence[str | exp.Expr] = (),
    group_by: Sequence[str] = (),
) -> exp.Select:
    """A SELECT of ``columns`` (alias to expression) from ``source``.

    ``beside`` names a relation of one row whose columns stand next to each row of ``source``; the conditions
    of ``where`` must all hold.

    >>> select({"n": "COUNT(*)"}, "t", where=["x > 0", "y > 0"]).sql()
    'SELECT COUNT(*) AS n FROM t WHERE x > 0 AND y > 0'
    """
    query = exp.select(*(_named(value, alias) for alias, value in columns.items())).from_(source, dialect=_READ)
    if beside:
        query = query.join(beside, join_type="cross", dialect=_READ)
    if where:
        query = query.where(*where, dialect=_READ)
    return query.group_by(*group_by, dialect=_READ) if group_by else query


def same(*names: str) -> Columns:
    """Columns that pass through a SELECT under their own names."""
    return {name: exp.column(name) for name in names}


def _named(value: str | exp.Expr, alias: str) -> exp.Expr:
    tree = expression(value) if isinstance(value, str) else value
    return tree if isinstance(tree, exp.Column) and tree.name == alias else exp.alias_(tree, alias)


def chain(steps: Mapping[str, exp.Query], last: exp.Query) -> exp.Query:
    """``last`` with each of ``steps`` as a CTE before it, in order; ``last`` itself is changed and given back.

    A step that is read more than once is MATERIALIZED: computed once, so that a relation which scores its rows
    scores them once.

    >>> steps = {"a": select({"x": "1"}, "t"), "b": select({"y": "x"}, "a")}
    >>> chain(steps, select({"y": "y"}, "b")).sql()
    'WITH a AS (SELECT 1 AS x FROM t), b AS (SELECT x AS y FROM a) SELECT y FROM b'
    """
    materialized = {name: _is_read_twice(name, steps, last) for name in steps}
    for name, step in steps.items():
        last = last.with_(name, as_=step, materialized=materialized[name] or None, copy=False)
    return last


def _is_read_twice(name: str, steps: Mapping[str, exp.Query], last: exp.Query) -> bool:
    """Whether later steps read this one more than once; in itself and before, the name is a relation of the caller."""
    later = list(steps.values())[list(steps).index(name) + 1 :]
    tables = [table for query in (*later, last) for table in query.find_all(exp.Table)]
    return sum(table.name == name for table in tables) > 1
