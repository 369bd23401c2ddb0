"""JSON in PostgreSQL: columns as one object, and values out of it, with the meaning that they have in DuckDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyarrow import types
from sqlglot import exp

_PAIRS = 40
"""A function takes at most 100 arguments, and so does one that is called for its results."""

_NOT_IN_JSON = ("NaN", "Infinity", "-Infinity")


def json_object(columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str]) -> exp.Expression:
    """These columns of a table as one ``json`` object; a number that JSON cannot hold becomes null.

    It is put together as text: the functions that write an object look up what each value is, in every row anew, and
    take longer for that than for the values. Workers can do it, as it has no SELECT of its own.

    >>> print(json_object({"a": pa.int64()}, "t", {"a": "A"}).sql("postgres"))
    CAST(CONCAT('{"A":', COALESCE(CAST(t."a" AS TEXT), 'null'), '}') AS JSON)
    """
    pieces: list[exp.Expression] = []
    for position, (name, kind) in enumerate(columns.items()):
        key = json.dumps(keys.get(name, name), ensure_ascii=False)
        pieces.append(exp.Literal.string(f"{',' if position else '{'}{key}:"))
        pieces.append(_json_text(exp.column(exp.to_identifier(name, quoted=True), table), kind))
    pieces.append(exp.Literal.string("}" if columns else "{}"))
    while len(pieces) > 2 * _PAIRS:
        pieces = [_concat(pieces[start : start + 2 * _PAIRS]) for start in range(0, len(pieces), 2 * _PAIRS)]
    return exp.cast(_concat(pieces), "JSON")


def _concat(pieces: Sequence[exp.Expression]) -> exp.Expression:
    return exp.Anonymous(this="concat", expressions=list(pieces))


def _json_text(value: exp.Expression, kind: pa.DataType) -> exp.Expression:
    """A value as JSON writes it, ``null`` for a NULL."""
    if types.is_floating(kind):
        # A REAL is the double that a model reads, and not the shortest text that is the same REAL.
        double = exp.cast(value, "DOUBLE") if types.is_float32(kind) else value
        finite = exp.EQ(this=exp.Sub(this=double, expression=double.copy()), expression=exp.Literal.number(0))
        return exp.case().when(finite, exp.cast(double.copy(), "TEXT")).else_(exp.Literal.string("null"))
    if types.is_decimal(kind):
        known = exp.In(this=value, expressions=[exp.Literal.string(text) for text in _NOT_IN_JSON])
        trimmed = exp.Anonymous(this="trim_scale", expressions=[value.copy()])
        return _or_null(exp.case().when(exp.not_(known), exp.cast(trimmed, "TEXT")))
    if types.is_integer(kind) or types.is_boolean(kind):
        return _or_null(exp.cast(value, "TEXT"))
    if types.is_timestamp(kind):
        text = exp.cast(exp.Anonymous(this="to_json", expressions=[value]), "TEXT")
        spaced = exp.Anonymous(this="replace", expressions=[text, exp.Literal.string("T"), exp.Literal.string(" ")])
        return _or_null(spaced)
    return _or_null(exp.cast(exp.Anonymous(this="to_json", expressions=[value]), "TEXT"))


def _or_null(text: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="coalesce", expressions=[text, exp.Literal.string("null")])


def json_values(document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
    """By key the value in a JSON object, read as a SQL type; NULL where the key is absent or its value null."""
    parsed = exp.cast(document.copy(), "JSONB")
    return {key: _value(parsed, key, exp.DataType.build(kind)) for key, kind in types.items()}


def _value(parsed: exp.Expression, key: str, kind: exp.DataType) -> exp.Expression:
    text: exp.Expression = exp.Anonymous(
        this="jsonb_extract_path_text", expressions=[parsed.copy(), exp.Literal.string(key)]
    )
    if kind.is_type(*exp.DataType.NUMERIC_TYPES):
        # A truth value that is read as a number is 1 or 0.
        as_number = exp.case(text).when(exp.Literal.string("true"), exp.Literal.string("1"))
        as_number = as_number.when(exp.Literal.string("false"), exp.Literal.string("0"))
        text = as_number.else_(text.copy())
    return exp.cast(text, kind)
