"""From the value of a column to the number that an estimator reads, as ``spec.Feature`` says, in SQL."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from sqlml.compile.date_part import date_part
from sqlml.compile.dialect import Dialect
from sqlml.compile.literal import double, text, to_double
from sqlml.errors import InvalidSpec
from sqlml.spec import TIMESTAMP_PARTS, Column, Feature

Compiler = Callable[[Feature, exp.Expr, Dialect], exp.Expr]

ZERO = 1.0000000180025095e-35
"""The float32 nearest to 1e-35: the largest size of a number that ``zero_is_missing`` takes for zero."""


def feature_value(feature: Feature, column: exp.Expr, dialect: Dialect, position: Compiler | None = None) -> exp.Expr:
    """The value of a feature over the expression of its column: a double, NULL where it is missing.

    ``position`` compiles the position of a category; :func:`case_position` where it is None.

    >>> from sqlml.compile.dialect import dialect_named
    >>> feature_value(Feature("age", "number", impute=1.5), exp.column("age"), dialect_named("mysql")).sql("mysql")
    "COALESCE(CAST(age AS DOUBLE), CAST('1.5' AS DOUBLE))"
    """
    compiler = COMPILERS[feature.kind] if position is None or feature.kind != "category" else position
    value = compiler(feature, column, dialect)
    if feature.zero_is_missing and feature.kind != "category":
        value = _without_zero(value, dialect)
    if feature.impute is not None:
        value = exp.Coalesce(this=value, expressions=[double(feature.impute, dialect)])
    if (feature.center, feature.scale) != (0.0, 1.0):
        value = _scaled(value, feature, dialect)
    return value


def number(feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """The column as a double; NaN is NULL."""
    value = to_double(column.copy(), dialect)
    if dialect.nan == "equals":
        return exp.Nullif(this=value, expression=double(float("nan"), dialect))
    if dialect.nan == "nanvl":
        return exp.Anonymous(this="NANVL", expressions=[value, exp.Null()])
    if dialect.nan == "function":
        finite = exp.Not(this=exp.IsNan(this=value.copy()))
        return exp.Case(ifs=[exp.If(this=finite, true=value)])
    return value


def boolean(feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """False is 0, true is 1."""
    values: list[exp.Expr] = [exp.Literal.number(1), exp.Literal.number(0)]
    truths: list[exp.Expr] = values if dialect.name == "oracle" else [exp.true(), exp.false()]
    ifs = [
        exp.If(this=exp.EQ(this=column.copy(), expression=truth.copy()), true=value)
        for truth, value in zip(truths, values, strict=True)
    ]
    return to_double(exp.Case(ifs=ifs), dialect)


def case_position(feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """The position of a text among the categories by a CASE; the text is compared character by character."""
    if not feature.categories:
        return to_double(exp.Null(), dialect)
    marked = dialect.text in ("mark", "both")
    ifs = [
        exp.If(this=text(category + "." if marked else category, dialect), true=exp.Literal.number(code))
        for code, category in enumerate(feature.categories)
    ]
    return to_double(exp.Case(this=_exact_text(column, dialect), ifs=ifs), dialect)


def _exact_text(column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """A text for which ``=`` tells apart letters by case and accent, and blanks at the end."""
    value = column.copy()
    if dialect.name in ("duckdb", "postgres"):
        value = exp.cast(value, exp.DataType.Type.TEXT)
    if dialect.text in ("mark", "both"):
        joined = exp.Add if dialect.name == "tsql" else exp.DPipe
        value = exp.Paren(this=joined(this=value, expression=text(".", dialect)))
    if dialect.text in ("collate", "both"):
        name = exp.to_identifier(dialect.collation, quoted=dialect.collation == "C")
        value = exp.Collate(this=value, expression=name)
    return value


def _without_zero(value: exp.Expr, dialect: Dialect) -> exp.Expr:
    """NULL for a number that is so near to zero that LightGBM takes it for zero."""
    beyond = exp.GT(this=exp.Abs(this=value.copy()), expression=double(ZERO, dialect))
    return exp.Case(ifs=[exp.If(this=beyond, true=value)])


def _scaled(value: exp.Expr, feature: Feature, dialect: Dialect) -> exp.Expr:
    centered = exp.Paren(this=exp.Sub(this=value, expression=double(feature.center, dialect)))
    return exp.Div(this=centered, expression=double(feature.scale, dialect), typed=True, safe=False)


def _part(part: str, feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    return date_part(part, column, dialect)


COMPILERS: dict[str, Compiler] = {
    "number": number,
    "boolean": boolean,
    "category": case_position,
    **{part: partial(_part, part) for part in TIMESTAMP_PARTS},
}
"""The compiler of each kind of feature, before anything is imputed or scaled."""

_READS = {"number": ("integer", "number"), "boolean": ("boolean",), "category": ("text",)}


def check_kind(feature: Feature, column: Column) -> None:
    """Raise :class:`InvalidSpec` where a feature reads its column as a kind that the column's type is not."""
    allowed = _READS.get(feature.kind, ("timestamp",) if feature.kind in ("hour", "minute") else ("date", "timestamp"))
    if column.type not in allowed:
        raise InvalidSpec(f"column {column.name!r} is {column.type} and cannot be read as {feature.kind}")
