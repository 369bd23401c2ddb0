"""Constants and names as SQL: doubles that every engine reads to the same bits, text, identifiers."""

from __future__ import annotations

import math
import re

from sqlglot import exp

from sqlml.compile.dialect import Dialect
from sqlml.errors import InvalidArgument

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")

_RESERVED_WORDS = (
    "access account add all alter and any as asc audit between by case cast char check cluster column "
    "comment compress connect connection constraint create cross current current_date current_time "
    "current_timestamp current_user database date decimal default delete desc distinct drop else end "
    "exclusive exists false file float following for from full grant group gscluster having identified "
    "ilike immediate in increment index initial inner insert integer intersect into is issue join lateral "
    "left level like localtime localtimestamp lock long maxextents minus mode modify natural noaudit "
    "nocompress not nowait null number of offline on online option or order organization pctfree prior "
    "public qualify raw regexp rename resource revoke right rlike row rowid rownum rows sample schema "
    "select session set share size smallint some start successful synonym sysdate table tablesample then "
    "to trigger true try_cast uid union unique update user using validate values varchar varchar2 view "
    "when whenever where with "
)
"""Words that Snowflake or Oracle do not take as a name without quotes."""


def double(value: float, dialect: Dialect) -> exp.Expr:
    """A double constant that the engine reads to exactly these bits; an infinity is allowed, a NaN too.

    The shortest decimal text of the number goes through a cast of text, because an engine may read a bare
    decimal as an exact numeric, or read it in two roundings.

    >>> from sqlml.compile.dialect import dialect_named
    >>> double(0.1, dialect_named("postgres")).sql("postgres")
    "CAST('0.1' AS DOUBLE PRECISION)"
    """
    if dialect.name == "oracle":
        return _oracle_double(value)
    return to_double(exp.Literal.string(_decimal(value)), dialect)


def to_double(value: exp.Expr, dialect: Dialect) -> exp.Expr:
    """A value of a numeric type as a double."""
    if dialect.name == "oracle":
        return exp.Anonymous(this="TO_BINARY_DOUBLE", expressions=[value])
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.DOUBLE))


def text(value: str, dialect: Dialect) -> exp.Expr:
    """A text constant, in national characters where the engine would lose others.

    Raises
    ------
    InvalidArgument
        The text holds a NUL character, which no text but DuckDB's can hold.
    """
    if "\0" in value and dialect.name != "duckdb":
        raise InvalidArgument(
            f"the category or class {value!r} holds a NUL character, which text in {dialect.name} cannot hold"
        )
    literal = exp.Literal.string(value)
    return exp.National(this=value) if dialect.name == "tsql" else literal


def identifier(name: str, dialect: Dialect) -> exp.Identifier:
    """The name of a column as an identifier.

    It is quoted, but where an engine turns plain names to upper case a plain lower-case name is left plain, so
    that it names the same column as in the statement that created the table.

    >>> from sqlml.compile.dialect import dialect_named
    >>> [identifier("age", dialect_named(name)).sql(name) for name in ("snowflake", "mysql")]
    ['age', '`age`']
    """
    if dialect.folds_upper and _PLAIN.fullmatch(name):
        return (
            exp.to_identifier(name.upper(), quoted=True) if name in _RESERVED_WORDS.split() else exp.to_identifier(name)
        )
    return exp.to_identifier(name, quoted=True)


def _decimal(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _oracle_double(value: float) -> exp.Expr:
    """Oracle's own literals of BINARY_DOUBLE, which no session setting changes."""
    if math.isnan(value):
        return exp.var("BINARY_DOUBLE_NAN")
    size: exp.Expr = exp.var("BINARY_DOUBLE_INFINITY")
    if math.isfinite(value):
        size = exp.Literal(this=f"{abs(value)!r}d", is_string=False)
    return exp.Neg(this=size) if math.copysign(1.0, value) < 0 else size
