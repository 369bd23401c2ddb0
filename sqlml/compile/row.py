"""The columns of a row that a DuckDB macro is given: found by name, refused where their type would lose information."""

from __future__ import annotations

from sqlglot import exp

from sqlml.compile.columns import FEATURES
from sqlml.compile.dialect import DIALECTS, Dialect
from sqlml.compile.feature import feature_value
from sqlml.compile.literal import text
from sqlml.spec import Feature, Model

_DUCKDB = DIALECTS["duckdb"]

_NUMBER = "BOOLEAN|FLOAT|DOUBLE|DECIMAL[(].*|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)"

READABLE = {
    "boolean": ("BOOLEAN", "BOOLEAN"),
    "integer": (_NUMBER, "DOUBLE"),
    "number": (_NUMBER, "DOUBLE"),
    "text": ("VARCHAR|ENUM[(].*", "VARCHAR"),
    "date": ("DATE", "DATE"),
    "timestamp": ("DATE|TIMESTAMP(_S|_MS|_NS)?", "TIMESTAMP"),
}
"""By a column's type: a regular expression of the DuckDB types that it can be read from, and the type to cast to."""


def row_value(model: Model, feature: Feature, name: str) -> exp.Expr:
    """The value of a feature of the row that a macro is given as ``features``: a double, or NULL where missing.

    A row without the column is an error of DuckDB's binder that names it. A column of a type that loses
    information is an error that names the model ``name``, the column and the remedy; DuckDB decides that once per
    statement, before it reads a row.
    """
    given = _typed(model, feature)
    return _checked(model, feature, name, feature_value(feature, given, _DUCKDB, position=enum_position))


def category_code(model: Model, index: int, name: str) -> exp.Expr:
    """The position of the row's category for feature ``index``, an integer: one behind the last where it is missing."""
    feature = model.features[index]
    missing = exp.Literal.number(len(feature.categories))
    code = _checked(model, feature, name, _code(feature, _given(feature)))
    return exp.Coalesce(this=code, expressions=[missing])


def enum_position(feature: Feature, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """The position of a text among the categories as the code of an ENUM, which DuckDB finds by hashing."""
    return exp.cast(_code(feature, column), exp.DataType.Type.DOUBLE)


def _given(feature: Feature) -> exp.Expr:
    """The column of the row. DuckDB looks for its name as it is, then without regard to case."""
    return exp.Anonymous(this="STRUCT_EXTRACT", expressions=[exp.column(FEATURES), text(feature.column, _DUCKDB)])


def _typed(model: Model, feature: Feature) -> exp.Expr:
    """The column of the row; a bare NULL gets a type where DuckDB could not choose a function of dates without one."""
    column_type = model.column_of(feature).type
    if column_type not in ("date", "timestamp"):
        return _given(feature)
    return exp.Coalesce(this=_given(feature), expressions=[exp.cast(exp.Null(), column_type)])


def _code(feature: Feature, column: exp.Expr) -> exp.Expr:
    if not feature.categories:
        return exp.cast(exp.Null(), exp.DataType.Type.BIGINT)
    labels = [text(category, _DUCKDB) for category in feature.categories]
    known = exp.TryCast(
        this=exp.cast(column.copy(), exp.DataType.Type.TEXT),
        to=exp.DataType(this=exp.DataType.Type.ENUM, expressions=labels),
        safe=True,
    )
    return exp.cast(exp.Anonymous(this="ENUM_CODE", expressions=[known]), exp.DataType.Type.BIGINT)


def _checked(model: Model, feature: Feature, name: str, value: exp.Expr) -> exp.Expr:
    """The value, or an error where the column's type is none that it can be read from; an untyped NULL is read."""
    column = model.column_of(feature)
    types, target = READABLE[column.type]
    type_of = exp.Anonymous(this="TYPEOF", expressions=[_given(feature)])
    fits = exp.Anonymous(this="REGEXP_FULL_MATCH", expressions=[type_of, exp.Literal.string(f'"NULL"|{types}')])
    quoted = exp.to_identifier(column.name, quoted=True).sql(dialect="duckdb")
    refused = raised(
        f"ML020 model {name!r} reads column {column.name!r} as {column.type} and the row has another type; "
        f"pass CAST({quoted} AS {target}) under the same name"
    )
    return exp.Case(ifs=[exp.If(this=fits, true=value)], default=refused)


def raised(message: str) -> exp.Expr:
    """An expression that raises a message when it is evaluated; it takes the type of what stands beside it."""
    return exp.Anonymous(this="ERROR", expressions=[text(message, _DUCKDB)])
