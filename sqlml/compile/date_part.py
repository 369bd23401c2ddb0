"""Parts of a date or timestamp, written in each dialect's own words."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp

from sqlml.compile.dialect import Dialect
from sqlml.compile.literal import to_double

_COMMON = {
    "year": "EXTRACT(YEAR FROM x)",
    "month": "EXTRACT(MONTH FROM x)",
    "day": "EXTRACT(DAY FROM x)",
    "hour": "EXTRACT(HOUR FROM x)",
    "minute": "EXTRACT(MINUTE FROM x)",
    "day_of_week": "EXTRACT(ISODOW FROM x)",
    "day_of_year": "EXTRACT(DOY FROM x)",
    "epoch": "EXTRACT(EPOCH FROM x)",
}

_OWN: dict[str, dict[str, str]] = {
    "duckdb": {
        "day_of_year": "EXTRACT(DAYOFYEAR FROM x)",
    },
    "postgres": {
        "hour": "EXTRACT(HOUR FROM CAST(x AS TIMESTAMP))",
        "minute": "EXTRACT(MINUTE FROM CAST(x AS TIMESTAMP))",
        "epoch": "CAST(EXTRACT(EPOCH FROM x) * 1000000 AS DOUBLE PRECISION) / 1000000",
    },
    "snowflake": {
        "year": "DATE_PART(YEAR, x)",
        "month": "DATE_PART(MONTH, x)",
        "day": "DATE_PART(DAY, x)",
        "hour": "DATE_PART(HOUR, x)",
        "minute": "DATE_PART(MINUTE, x)",
        "day_of_week": "DAYOFWEEKISO(x)",
        "day_of_year": "DAYOFYEAR(x)",
        "epoch": "CAST(DATE_PART(EPOCH_MICROSECOND, CAST(x AS TIMESTAMPNTZ)) AS DOUBLE) / 1000000",
    },
    "bigquery": {
        "day_of_week": "MOD(EXTRACT(DAYOFWEEK FROM x) + 5, 7) + 1",
        "day_of_year": "EXTRACT(DAYOFYEAR FROM x)",
        "epoch": "CAST(UNIX_MICROS(TIMESTAMP(x)) AS FLOAT64) / 1000000",
    },
    "redshift": {
        "day_of_week": "(EXTRACT(DOW FROM x) + 6) % 7 + 1",
        "epoch": "CAST(DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), x) AS DOUBLE PRECISION) / 1000000",
    },
    "spark": {
        "day_of_week": "EXTRACT(DAYOFWEEK_ISO FROM x)",
        "epoch": "DATEDIFF(CAST(x AS DATE), CAST('1970-01-01' AS DATE)) * 86400 + EXTRACT(HOUR FROM x) * 3600 "
        "+ EXTRACT(MINUTE FROM x) * 60 + EXTRACT(SECOND FROM x)",
    },
    "databricks": {
        "day_of_week": "EXTRACT(DAYOFWEEK_ISO FROM x)",
        "epoch": "DATEDIFF(DAY, CAST('1970-01-01' AS DATE), CAST(x AS DATE)) * 86400 + EXTRACT(HOUR FROM x) * 3600 "
        "+ EXTRACT(MINUTE FROM x) * 60 + EXTRACT(SECOND FROM x)",
    },
    "mysql": {
        "day_of_week": "WEEKDAY(x) + 1",
        "day_of_year": "DAYOFYEAR(x)",
        "epoch": "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', x) AS DOUBLE) / 1000000",
    },
    "sqlite": {
        "year": "STRFTIME('%Y', x)",
        "month": "STRFTIME('%m', x)",
        "day": "STRFTIME('%d', x)",
        "hour": "STRFTIME('%H', x)",
        "minute": "STRFTIME('%M', x)",
        "day_of_week": "(STRFTIME('%w', x) + 6) % 7 + 1",
        "day_of_year": "STRFTIME('%j', x)",
        "epoch": "STRFTIME('%s', x) + (STRFTIME('%f', x) - STRFTIME('%S', x))",
    },
    "tsql": {
        "year": "DATEPART(YEAR, x)",
        "month": "DATEPART(MONTH, x)",
        "day": "DATEPART(DAY, x)",
        "hour": "DATEPART(HOUR, CAST(x AS DATETIME2))",
        "minute": "DATEPART(MINUTE, CAST(x AS DATETIME2))",
        "day_of_week": "DATEDIFF(DAY, CAST('0001-01-01' AS DATETIME2), CAST(x AS DATETIME2)) % 7 + 1",
        "day_of_year": "DATEPART(DAYOFYEAR, x)",
        "epoch": "CAST(DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01' AS DATETIME2), CAST(x AS DATETIME2)) AS FLOAT) "
        "/ 1000000",
    },
    "clickhouse": {
        "day_of_week": "toDayOfWeek(x)",
        "day_of_year": "toDayOfYear(x)",
        "epoch": "toUnixTimestamp64Micro(toDateTime64(x, 6)) / 1000000",
    },
    "trino": {
        "hour": "EXTRACT(HOUR FROM CAST(x AS TIMESTAMP))",
        "minute": "EXTRACT(MINUTE FROM CAST(x AS TIMESTAMP))",
        "day_of_week": "DAY_OF_WEEK(x)",
        "day_of_year": "DAY_OF_YEAR(x)",
        "epoch": "TO_UNIXTIME(CAST(x AS TIMESTAMP))",
    },
    "oracle": {
        "hour": "EXTRACT(HOUR FROM CAST(x AS TIMESTAMP))",
        "minute": "EXTRACT(MINUTE FROM CAST(x AS TIMESTAMP))",
        "day_of_week": "TRUNC(x) - TRUNC(x, 'IW') + 1",
        "day_of_year": "TO_NUMBER(TO_CHAR(x, 'DDD'))",
        "epoch": "(TRUNC(x) - TO_DATE('1970-01-01', 'YYYY-MM-DD')) * 86400 + EXTRACT(HOUR FROM CAST(x AS TIMESTAMP)) "
        "* 3600 + EXTRACT(MINUTE FROM CAST(x AS TIMESTAMP)) * 60 + EXTRACT(SECOND FROM CAST(x AS TIMESTAMP))",
    },
}

DATE_PART_SQL: dict[str, dict[str, str]] = {name: {**_COMMON, **own} for name, own in _OWN.items()}
"""The SQL text of each part of ``x`` by dialect; in UTC arithmetic, whatever the session's time zone is."""


def date_part(part: str, column: exp.Expr, dialect: Dialect) -> exp.Expr:
    """One part of a date or timestamp as a double, NULL where the date is NULL or infinite.

    ``part`` is one of ``spec.TIMESTAMP_PARTS``; ``day_of_week`` is ISO, ``epoch`` is in seconds with the fraction
    that the type holds, down to a microsecond; nanoseconds are cut off.
    """
    if dialect.name == "duckdb":
        column = _substituted(_micros(), column)
    value = to_double(_substituted(_template(dialect.name, part), column), dialect)
    if dialect.name != "postgres":
        return value
    finite = exp.Anonymous(this="ISFINITE", expressions=[column.copy()])
    return exp.Case(ifs=[exp.If(this=finite, true=value)])


def _substituted(template: exp.Expr, column: exp.Expr) -> exp.Expr:
    """A copy of a template with the column in place of ``x``."""
    return template.transform(
        lambda node: column.copy() if isinstance(node, exp.Column) and node.sql() == "x" else node
    )


@lru_cache(maxsize=256)
def _template(dialect: str, part: str) -> exp.Expr:
    return sqlglot.parse_one(DATE_PART_SQL[dialect][part], dialect=dialect)


@lru_cache(maxsize=1)
def _micros() -> exp.Expr:
    """A TIMESTAMP_NS down to its microsecond, which DuckDB's EXTRACT would round to the nearest."""
    cut = "CASE WHEN TYPEOF(x) = 'TIMESTAMP_NS' THEN MAKE_TIMESTAMP(EPOCH_NS(x) // 1000) ELSE x END"
    return sqlglot.parse_one(cut, dialect="duckdb")
