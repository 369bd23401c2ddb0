"""JSON in PostgreSQL: columns as one object, and values out of it, with the meaning that they have in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyarrow import types
from sqlglot import exp

_PAIRS = 50
"""A function takes at most 100 arguments."""

_ROW_COLUMNS, _NAME_BYTES = 1600, 63
"""How many columns a row has at most, and how long their names are."""

_NOT_IN_JSON = ("NaN", "Infinity", "-Infinity")


def json_object(columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str]) -> exp.Expression:
    """These columns of a table as one ``json`` object; a number that JSON cannot hold becomes null.

    A row is written as an object in half the time that the functions take that build one of keys and values. Where it
    cannot have these keys as names of its columns, which are shorter and not so many, those functions are used.

    >>> print(json_object({"a": pa.string()}, "t", {"a": "A"}).sql("postgres"))
    ROW_TO_JSON((SELECT o FROM (SELECT t."a" AS "A") AS o))
    """
    pairs = [
        (keys.get(name, name), _json_value(exp.column(exp.to_identifier(name, quoted=True), table), kind))
        for name, kind in columns.items()
    ]
    if 0 < len(pairs) <= _ROW_COLUMNS and all(len(key.encode()) <= _NAME_BYTES for key, _ in pairs):
        # A name that a column has means the column, and not the row.
        row = "o" + "_" * max((len(key) for key, _ in pairs if key.startswith("o")), default=0)
        values = exp.select(*[value.as_(key, quoted=True) for key, value in pairs])
        return exp.Anonymous(this="row_to_json", expressions=[exp.select(row).from_(values.subquery(row)).subquery()])
    parts = [_object(pairs[start : start + _PAIRS]) for start in range(0, len(pairs), _PAIRS)] or [_object([])]
    whole = parts[0]
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part)
    return exp.cast(exp.paren(whole), "JSON")


def _object(pairs: Sequence[tuple[str, exp.Expression]]) -> exp.Expression:
    arguments = [part for key, value in pairs for part in (exp.Literal.string(key), value)]
    return exp.Anonymous(this="jsonb_build_object", expressions=arguments)


def _json_value(value: exp.Expression, kind: pa.DataType) -> exp.Expression:
    if types.is_floating(kind):
        # A REAL is the double that a model reads, and not the shortest text that is the same REAL.
        double = exp.cast(value, "DOUBLE") if types.is_float32(kind) else value
        return _number(double)
    if types.is_decimal(kind):
        return _number(value, exp.Anonymous(this="trim_scale", expressions=[value.copy()]))
    if types.is_timestamp(kind):
        text = exp.cast(exp.Anonymous(this="to_jsonb", expressions=[value]), "TEXT")
        plain = exp.Anonymous(this="btrim", expressions=[text, exp.Literal.string('"')])
        return exp.Anonymous(this="replace", expressions=[plain, exp.Literal.string("T"), exp.Literal.string(" ")])
    return value


def _number(value: exp.Expression, written: exp.Expression | None = None) -> exp.Expression:
    known = exp.In(this=value, expressions=[exp.Literal.string(text) for text in _NOT_IN_JSON])
    return exp.case().when(exp.not_(known), (written or value).copy())


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
