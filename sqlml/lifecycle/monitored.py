"""What is monitored of a version: the columns that it reads and its output, out of the rows of a prediction table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlglot import exp

from sqlml.engine import Session
from sqlml.measure.formula import quoted
from sqlml.measure.subset import Columns, all_of, cast, select
from sqlml.spec import Model

V = TypeVar("V")

COLUMNS_AT_ONCE = 50
"""So many columns are measured by one statement: PostgreSQL takes 1,664 expressions in one, and a profile has ten for
each number; and the time to plan it grows faster than their number."""

_OUTPUT_TYPES = {"binary": "prediction", "multiclass": "text", "regression": "number"}

_SQL_TYPES = {
    "boolean": "BOOLEAN",
    "integer": "DOUBLE",
    "number": "DOUBLE",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

NUMBERS = ("integer", "number", "prediction")
"""Types of which the values themselves are compared."""

UNBINNED = ("date", "timestamp")
"""Types that are profiled and not compared: a later time is no drift."""


def output_name(model: Model) -> str:
    """The name under which the output of a model is monitored: that of no column that it reads."""
    taken = {column.name.lower() for column in model.columns}
    return "prediction" if "prediction" not in taken else "prediction of the model"


def monitored_types(model: Model) -> dict[str, str]:
    """By column the type that its profile has, the output last.

    The output of a binary model is its probability, of a regression its value, of a multiclass model its label.
    """
    return {**{column.name: column.type for column in model.columns}, output_name(model): _OUTPUT_TYPES[model.task]}


def typed_rows(
    session: Session,
    model: Model,
    rows: exp.Query,
    passed: Sequence[str] = (),
    whole: Collection[str] = (),
) -> exp.Select:
    """The monitored columns, read out of ``prediction, label, features`` of ``rows``, beside the columns ``passed``.

    Integers are doubles, as they are scored, but those in ``whole``, which are the values of slices.
    """
    types = {
        column.name: "BIGINT" if column.name in whole and column.type == "integer" else _SQL_TYPES[column.type]
        for column in model.columns
    }
    values = session.json_values(exp.column("features"), types)
    output = "label" if model.task == "multiclass" else "prediction"
    columns = [values[name].as_(name, quoted=True, copy=False) for name in types]
    document = session.json_parsed(exp.column("features")).as_("features")
    # With an OFFSET it stays a query of its own, which parses a document once and not for each value.
    parsed = exp.select(*passed, output, document).from_(rows.subquery("scored")).offset(0).subquery("parsed")
    output_column = exp.column(output).as_(output_name(model), quoted=True)
    return exp.select(*passed, *columns, output_column).from_(parsed, copy=False)


def in_groups(columns: Mapping[str, V]) -> Iterator[dict[str, V]]:
    """Columns by :data:`COLUMNS_AT_ONCE`, in their order."""
    remaining = iter(columns.items())
    while group := dict(islice(remaining, COLUMNS_AT_ONCE)):
        yield group


def values_of(
    relation: exp.Table, columns: Sequence[str], window: exp.Expr | None, slices: Sequence[str] | None
) -> exp.Query:
    """The values of columns of numbers: rows ``window_start, column_name, slice_key, slice_value, value``.

    The slice is NULL where ``slices`` is None, else there is a row for each slice in which a value stands.
    """
    start = cast(exp.null() if window is None else window, "TIMESTAMP")
    parts = []
    for column in columns:
        for key in (None,) if slices is None else slices:
            picked: Columns = {
                "window_start": start.copy(),
                "column_name": exp.Literal.string(column),
                "slice_key": cast(exp.null() if key is None else exp.Literal.string(key), "TEXT"),
                "slice_value": cast(exp.null() if key is None else quoted(key), "TEXT"),
                "value": cast(quoted(column), "DOUBLE"),
            }
            parts.append(select(picked, relation.copy(), where=[exp.not_(quoted(column).is_(exp.null()))]))
    return all_of(parts)


def numbers_among(types: Mapping[str, str]) -> list[str]:
    """The columns whose values themselves are compared."""
    return [column for column, type_ in types.items() if type_ in NUMBERS]
