"""The part of SQL that DuckDB and PostgreSQL 15 share, as sqlglot trees.

Fragments are read as PostgreSQL: there ``/`` keeps the type of its operands, so both engines get the text
that was written, without casts of sqlglot's own. Whoever divides has cast to DOUBLE before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import sqlglot
from sqlglot import exp

from sqlml.errors import InvalidArgument

DIALECTS = ("duckdb", "postgres")
"""The dialects in which the queries of this package are proven to give the same numbers."""

Columns = dict[str, "str | exp.Expr"]
"""What a SELECT gives back: an alias to an expression, or to the constant text of one."""

T = TypeVar("T", bound=exp.Expr)

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
    return _parsed(text).copy()


@cache
def _parsed(text: str) -> exp.Expr:
    tree: exp.Expr = _without_places(sqlglot.parse_one(text, dialect=_READ))
    return tree


def _without_places(value: Any) -> Any:
    """A tree, or a part of one, that does not say where in a text it stood: that is most of what a copy costs."""
    if isinstance(value, list):
        return [_without_places(each) for each in value]
    if not isinstance(value, exp.Expr):
        return value
    return type(value)(**{key: _without_places(part) for key, part in value.args.items()})


def unshared(tree: T) -> T:
    """A tree that can stand in another one: itself, or a copy where it stands somewhere already.

    sqlglot's own builders copy whatever they are given, and what they add to, at each step: most of the time that it
    takes to build a long query. So here they are called with ``copy=False``, on trees of our own.
    """
    return tree if tree.parent is None else tree.copy()


def number(value: float) -> exp.Expr:
    """A literal that both engines read as exactly this double; the exponent keeps DuckDB off DECIMAL.

    >>> number(0.1).sql(), number(1e-50).sql(), number(-3.0).sql()
    ('0.1e0', '1e-50', '-3.0e0')
    """
    digits = repr(abs(float(value)))
    literal = exp.Literal.number(digits if "e" in digits else digits + "e0")
    return exp.Neg(this=literal) if value < 0 else literal


def cast(tree: exp.Expr, type_: str) -> exp.Cast:
    """A tree as a value of a type.

    >>> cast(expression("x"), "DOUBLE").sql("postgres")
    'CAST(x AS DOUBLE PRECISION)'
    """
    return exp.cast(unshared(tree), _type(type_).copy(), copy=False)


@cache
def _type(text: str) -> exp.DataType:
    type_: exp.DataType = _without_places(exp.DataType.build(text))
    return type_


def timestamp(time: datetime) -> exp.Cast:
    """A time as a literal.

    >>> timestamp(datetime(2024, 1, 31)).sql()
    "CAST('2024-01-31 00:00:00' AS TIMESTAMP)"
    """
    return cast(exp.Literal.string(time.isoformat(sep=" ")), "TIMESTAMP")


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
    query = exp.Select(expressions=[_named(value, alias) for alias, value in columns.items()])
    query.from_(_relation(source), copy=False)
    if beside:
        query.join(_relation(beside), join_type="cross", copy=False)
    if where:
        conditions = [expression(each) if isinstance(each, str) else unshared(each) for each in where]
        query.where(*conditions, copy=False)
    if group_by:
        query.group_by(*map(expression, group_by), copy=False)
    return query


def _relation(source: str | exp.Expr) -> exp.Expr:
    return _table(source).copy() if isinstance(source, str) else unshared(source)


@cache
def _table(text: str) -> exp.Expr:
    tree: exp.Expr = _without_places(exp.select("*").from_(text, dialect=_READ).args["from_"].this)
    return tree


def same(*names: str) -> Columns:
    """Columns that pass through a SELECT under their own names."""
    return {name: exp.column(name) for name in names}


def _named(value: str | exp.Expr, alias: str) -> exp.Expr:
    tree = expression(value) if isinstance(value, str) else unshared(value)
    return tree if isinstance(tree, exp.Column) and tree.name == alias else exp.alias_(tree, alias, copy=False)


def case(*branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr | None = None) -> exp.Case:
    """A CASE of conditions with their values.

    >>> case((expression("x > 0"), number(1)), otherwise=number(0)).sql()
    'CASE WHEN x > 0 THEN 1.0e0 ELSE 0.0e0 END'
    """
    ifs = [exp.If(this=unshared(condition), true=unshared(value)) for condition, value in branches]
    return exp.Case(ifs=ifs, default=None if otherwise is None else unshared(otherwise))


def joined(query: exp.Select, table: str, on: exp.Expr, kind: str | None = None) -> exp.Select:
    """``query`` with the rows of another relation beside its own; it is changed and given back.

    >>> joined(select({"x": "t.x"}, "t"), "u", expression("u.x = t.x"), "left").sql()
    'SELECT t.x FROM t LEFT JOIN u ON u.x = t.x'
    """
    return query.join(_relation(table), on=on.copy(), join_type=kind, copy=False)


def all_of(queries: Sequence[exp.Query]) -> exp.Query:
    """The rows of one or several queries, one after the other.

    >>> all_of([select({"x": "1"}, "t"), select({"x": "2"}, "u")]).sql()
    'SELECT 1 AS x FROM t UNION ALL SELECT 2 AS x FROM u'
    """
    every: exp.Query = exp.union(*queries, distinct=False, copy=False) if len(queries) > 1 else queries[0]
    return every


def chain(steps: Mapping[str, exp.Query], last: exp.Query) -> exp.Query:
    """``last`` with each of ``steps`` as a CTE before it, in order; ``last`` itself is changed and given back.

    A step that is read more than once is MATERIALIZED: computed once, so that a relation which scores its rows
    scores them once.

    >>> steps = {"a": select({"x": "1"}, "t"), "b": select({"y": "x"}, "a")}
    >>> chain(steps, select({"y": "y"}, "b")).sql()
    'WITH a AS (SELECT 1 AS x FROM t), b AS (SELECT x AS y FROM a) SELECT y FROM b'
    """
    times = _times_read([*steps.values(), last])
    for (name, step), read in zip(steps.items(), times, strict=False):
        alias = exp.TableAlias(this=exp.to_identifier(name))
        last = last.with_(alias, as_=step, materialized=read[name] > 1 or None, copy=False)
    return last


def _times_read(queries: Sequence[exp.Query]) -> list[Counter[str]]:
    """By query how often each name is read after it; in itself and before, it is a relation of the caller."""
    later: Counter[str] = Counter()
    times = []
    for query in reversed(queries):
        times.append(later.copy())
        later.update(table.name for table in query.find_all(exp.Table))
    return times[::-1]
