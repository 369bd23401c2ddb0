"""The rows that are measured: read once, cast, and looked at before any number is computed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from sqlml.measure.exact import LARGEST
from sqlml.measure.subset import Columns, case, cast, expression, number, select

Steps = dict[str, exp.Query]
"""Names and queries of CTEs, in the order in which they read each other."""


def bound() -> exp.Expr:
    """The column ``extent.bound``: 128 times the number of rows times their greatest weight, in any order of the rows.

    That is at least twice the sum of the weights, and of weights times losses: a clipped logarithm is above -37.
    """
    return exp.column("bound", table="extent")


def within(column: str, low: float, high: float) -> exp.Expr:
    """Whether a column lies in a closed range; NaN, which both engines order last, does not.

    >>> within("weight", 0, 1).sql()
    'weight BETWEEN 0.0e0 AND 1.0e0'
    """
    return exp.Between(this=exp.column(column), low=number(low), high=number(high))


def given(relation: exp.Table, types: Mapping[str, str], sound: Mapping[str, exp.Expr]) -> Steps:
    """``given``: the rows of ``relation`` without a NULL. ``extent``: one row about them.

    ``types`` are the columns and what they are cast to; a DOUBLE ``weight`` is always added. ``sound`` says by
    column what a row must fulfil. The columns of ``extent``: ``n``, the number of rows; ``sound``, 1 where all of
    them fulfil it, else 0, NULL where there are none; ``bound``, see :func:`bound`. Whatever is computed from rows
    that are not sound would be wrong or an error, so later steps read ``given`` only where ``sound`` is 1.
    """
    columns = {**types, "weight": "DOUBLE"}
    conditions = [*sound.values(), within("weight", 0, LARGEST)]
    typed: Columns = {name: cast(exp.column(name), type_) for name, type_ in columns.items()}
    present = [exp.column(name).is_(exp.null()).not_() for name in columns]
    return {"given": select(typed, relation.copy(), where=present), "extent": _extent(exp.and_(*conditions))}


def _extent(sound: exp.Expr) -> exp.Select:
    flag = case((sound, exp.Literal.number(1)), otherwise=exp.Literal.number(0))
    heaviest = exp.Least(this=expression("MAX(weight)"), expressions=[number(LARGEST)], ignore_nulls=True)
    columns: Columns = {
        "n": "COUNT(*)",
        "sound": exp.Min(this=flag),
        "bound": exp.Mul(this=expression("128 * COUNT(*)"), expression=heaviest),
    }
    return select(columns, "given")


def sound_rows(columns: Mapping[str, str | exp.Expr], *where: str | exp.Expr) -> exp.Select:
    """Columns of ``given`` and ``extent``, of no row at all where one row is not sound."""
    return select(columns, "given", beside="extent", where=["extent.sound = 1", *where])
