"""What a compiled function of PostgreSQL knows of a row by its type: asked while PostgreSQL plans, and not per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlglot import exp

from sqlml.compile.columns import FEATURES
from sqlml.compile.core import POSTGRES, inputs
from sqlml.compile.literal import text
from sqlml.compile.plpgsql import Assign, If, Return, Statement
from sqlml.compile.qualified import call, operator, qualified, system_cast
from sqlml.compile.reading import columns_read, input_value, typed_field
from sqlml.spec import Column, Model

NOWHERE, PLANNED, ADAPTED = "nowhere", "planned", "adapted"
"""The variables that hold the number of no table, and the layouts for which the two short ways were planned."""

VARIABLES = {NOWHERE: "pg_catalog.oid", PLANNED: "pg_catalog.int8", ADAPTED: "pg_catalog.int8"}
"""Their types."""

_NUMBERS = ("integer", "number")
_ACCEPTED = {"integer": _NUMBERS, "number": _NUMBERS, "timestamp": ("date", "timestamp")}
"""By a column's type: the kinds of types that it is read from as it stands, where there are others than its own."""


def if_as_planned(model: Model, score: exp.Expr) -> tuple[Statement, ...]:
    """Return the score where the row has the columns of the model, by types that can be read without a detour."""
    layout = _layout("typed_layout", model)
    return (
        Assign(NOWHERE, system_cast(exp.Literal.number(0), "oid")),
        Assign(PLANNED, layout),
        If(_is_as_planned(layout, PLANNED), (Return(score),)),
    )


def if_adapted(model: Model, score: exp.Expr) -> tuple[Statement, ...]:
    """Return the score, over the inputs as variables, where but for the case of names the row has the columns.

    A boolean may stand for a number there.
    """
    if not model.columns:
        return ()
    layout = _layout("adapted_layout", model)
    values = [statement for column in model.columns for statement in _assigned(model, column, _fields(model, column))]
    return (Assign(ADAPTED, layout), If(_is_as_planned(layout, ADAPTED), (*values, Return(score))))


def is_named() -> exp.Expr:
    """Whether the row is one of a table, a view or a composite type."""
    return operator(call("row_table", _no_row(), schema="sqlml"), "<>", exp.column(NOWHERE))


def is_of_known_types(model: Model) -> exp.Expr:
    """Whether the row of a named type may be read as JSON: it had other columns when this session first saw it.

    Where it lacks a column or has one of another type it may not: JSON shows the text only, and a TIMESTAMP would
    pass for a text that was never seen.
    """
    is_unknown = exp.Is(this=exp.Paren(this=_layout("typed_layout", model)), expression=exp.Null())
    return exp.and_(exp.Paren(this=is_named()), exp.Not(this=exp.Paren(this=is_unknown)), wrap=False)


def _layout(function: str, model: Model) -> exp.Expr:
    """By what types the row has the columns; NULL where they cannot be read so.

    It is asked with a NULL of the row's type, a constant, so that PostgreSQL asks while it plans, and not for every
    row.
    """
    return call(function, columns_read(model), _no_row(), schema="sqlml")


def _is_as_planned(layout: exp.Expr, planned: str) -> exp.Expr:
    """Whether the row has the columns, and by the types for which a short way was planned in this session.

    The variable stays what it was when that was planned. The number of the table, which is never 0, lets PostgreSQL
    plan this condition anew when the table is altered.
    """
    same = operator(layout.copy(), "=", exp.column(planned))
    return exp.and_(exp.Paren(this=same), exp.Paren(this=is_named()), wrap=False)


def _no_row() -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=exp.false(), true=exp.column(FEATURES))])


def _fields(model: Model, column: Column) -> list[tuple[str, bool]]:
    """The names by which a row may have a column: its own, in small letters, in capitals; and whether as a boolean."""
    others = {each.name for each in model.columns} - {column.name}
    cases = (column.name, _in_ascii(str.lower, column.name), _in_ascii(str.upper, column.name))
    names = list(dict.fromkeys(name for name in cases if name not in others))
    truths = (False, True) if column.type in _NUMBERS else (False,)
    return [(name, is_truth) for is_truth in truths for name in names]


def _in_ascii(change: Callable[[str], str], name: str) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in name)


def _assigned(model: Model, column: Column, fields: Sequence[tuple[str, bool]]) -> tuple[Statement, ...]:
    """The inputs that are read from a column, each put into a variable, by what the row has; the last is not asked."""
    own = [given for given in inputs(model) if model.column_of(model.features[given.slot.feature]) == column]
    (name, is_truth), *others = fields
    read = partial(_field, name=name, is_truth=is_truth)
    here = tuple(Assign(given.name, input_value(model, given, read)) for given in own)
    if not own or not others:
        return here
    return (If(_has_column(name, is_truth, column), here, _assigned(model, column, others)),)


def _field(column: Column, name: str, is_truth: bool) -> exp.Expr:
    field = typed_field(Column(name, column.type))
    return exp.cast(field, exp.DataType.Type.INT) if is_truth else field


def _has_column(name: str, is_truth: bool, column: Column) -> exp.Expr:
    accepted = ("boolean",) if is_truth else _ACCEPTED.get(column.type, (column.type,))
    kinds = exp.Array(expressions=[exp.Literal.string(kind) for kind in accepted])
    return call("has_column", _no_row(), qualified(text(name, POSTGRES)), kinds, schema="sqlml")
