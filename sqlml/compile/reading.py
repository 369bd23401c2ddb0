"""From a row of PostgreSQL, typed or as JSON, to the values that the raw score is computed from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from sqlml.compile.columns import FEATURES
from sqlml.compile.core import POSTGRES, Input
from sqlml.compile.dialect import Dialect
from sqlml.compile.feature import feature_value
from sqlml.compile.literal import double, text
from sqlml.compile.qualified import any_of, call, operator, qualified, system_cast
from sqlml.spec import Column, Feature, Model

DOCUMENT = "document"
"""The variable that holds the row as JSON."""

Field = Callable[[Column], exp.Expr]
"""A column of the row, as a value of a type that the column's can be read from."""

_DAY = "[0-9]{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "T([01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_INFINITE = "-?infinity"

_WORDS = {
    "boolean": ["boolean"],
    "integer": ["number"],
    "number": ["number"],
    "text": ["string"],
    "date": ["string"],
    "timestamp": ["string"],
}
"""By a column's type: what JSON calls the values that it is read from, besides null."""

_FORMS = {
    "date": f"^({_DAY}( BC)?|{_INFINITE})$",
    "timestamp": f"^({_DAY}({_TIME})?( BC)?|{_INFINITE})$",
}
"""By a column's type: a regular expression of the texts that PostgreSQL writes into JSON, the same in every session."""

_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
"""The texts that PostgreSQL writes into JSON for numbers that JSON does not have."""

_JSON_TYPES = {"boolean": "bool", "date": "date", "timestamp": "timestamp"}
"""By a column's type: what its text in a document is cast to; numbers and categories are read from the text."""


def typed_field(column: Column) -> exp.Expr:
    """The column of a row of a named type."""
    return exp.Column(this=exp.to_identifier(column.name, quoted=True), table=exp.to_identifier(FEATURES))


def json_field(column: Column) -> exp.Expr:
    """The column of the row as JSON."""
    found = exp.Paren(this=_field_text(column))
    return system_cast(found.this, _JSON_TYPES[column.type]) if column.type in _JSON_TYPES else found


def input_value(model: Model, given: Input, field: Field) -> exp.Expr:
    """The value of an input of the raw score, never NULL."""
    feature = model.features[given.slot.feature]
    value = field(model.column_of(feature))
    if not given.slot.is_number:
        return exp.Coalesce(this=_code(feature, value), expressions=[exp.Literal.number(0)])
    unscaled = replace(feature, impute=None, center=0.0, scale=1.0)
    number = feature_value(unscaled, value, POSTGRES, position=_position)
    missing = given.missing if feature.impute is None else feature.impute
    if isinstance(number, exp.Nullif) and math.isnan(missing):
        number = number.this
    return exp.Coalesce(this=qualified(number), expressions=[double(missing, POSTGRES)])


def columns_read(model: Model) -> exp.Expr:
    """The signature of a model for the functions that check a row: a JSON array of names and types."""
    pairs = json.dumps([[column.name, column.type] for column in model.columns], ensure_ascii=False)
    return system_cast(qualified(text(pairs, POSTGRES)), "json")


def is_regular(model: Model) -> exp.Expr:
    """Whether the row as JSON has every column that the model reads, with a value that can be read as it stands.

    It is not true where it is NULL: the row is NULL or lacks a column. The last condition is about the session: a
    number that it would not write to the last digit is not in the document.
    """
    kind = operator(call("jsonb_typeof", exp.column(DOCUMENT)), "=", exp.Literal.string("object"))
    digits = exp.cast(call("current_setting", exp.Literal.string("extra_float_digits")), exp.DataType.Type.INT)
    exact = operator(digits, ">", exp.Literal.number(0))
    return exp.and_(kind, *(_has_regular_value(column) for column in model.columns), exact)


def _has_regular_value(column: Column) -> exp.Expr:
    found = call("jsonb_typeof", operator(exp.column(DOCUMENT), "->", qualified(text(column.name, POSTGRES))))
    words: list[exp.Expr] = [exp.Literal.string(word) for word in (*_WORDS[column.type], "null")]
    fits = any_of(found, words)
    if column.type in _FORMS:
        form = operator(exp.Paren(this=_field_text(column)), "~", exp.Literal.string(_FORMS[column.type]))
        is_null = exp.Is(this=exp.Paren(this=_field_text(column)), expression=exp.Null())
        return exp.and_(fits, exp.or_(form, is_null))
    if column.type in ("integer", "number"):
        no_numbers: list[exp.Expr] = [exp.Literal.string(word) for word in _NO_NUMBERS]
        return exp.or_(fits, any_of(exp.Paren(this=_field_text(column)), no_numbers))
    return fits


def _field_text(column: Column) -> exp.Expr:
    """The text of a column in the document; NULL where its value is null."""
    return operator(exp.column(DOCUMENT), "->>", qualified(text(column.name, POSTGRES)))


def _code(feature: Feature, value: exp.Expr) -> exp.Expr:
    """The code of a category from 1, NULL where it is unseen: found in a constant, however many there are."""
    if not feature.categories:
        return exp.cast(exp.Null(), exp.DataType.Type.INT)
    labels = [text(category, POSTGRES).name for category in feature.categories]
    codes = json.dumps({label: code for code, label in enumerate(labels, 1)}, ensure_ascii=False)
    known = system_cast(qualified(text(codes, POSTGRES)), "jsonb")
    return exp.cast(operator(known, "->>", system_cast(value, "text")), exp.DataType.Type.INT)


def _position(feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """The position of a category as a number."""
    position = operator(_code(feature, column), "-", exp.Literal.number(1))
    return exp.cast(exp.Paren(this=position), exp.DataType.Type.DOUBLE)
