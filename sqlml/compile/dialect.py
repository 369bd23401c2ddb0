"""What the compilers must know about each SQL dialect beyond what sqlglot knows."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from sqlml.errors import InvalidArgument


@dataclass(frozen=True)
class Dialect:
    """How one dialect does what SQL leaves open.

    ``name`` is sqlglot's. ``staging`` is how a value is computed once and used several times: ``nested``
    (subqueries, and ``*`` without the names in between), ``lateral`` (joined subqueries), ``row`` (subqueries that
    pass the row on as one value) or ``scalar`` (a chain of subqueries per output column). ``nan`` is how a NaN is
    found: ``equals`` (it equals itself and sorts last), ``function`` (IS_NAN), ``nanvl`` or ``none`` (the type holds
    no NaN). ``text`` is what makes ``=`` compare text character by character: ``exact`` needs nothing, ``collate`` a
    binary collation, ``mark`` a closing mark, because blanks at the end are ignored, ``both`` both. ``collation`` is
    the name of that collation. ``exp_raises`` says that EXP fails where the result is too large or too small,
    ``folds_upper`` that a plain name without quotes is upper case, ``column_case`` that columns may differ by case
    alone.
    """

    name: str
    staging: str = "nested"
    nan: str = "equals"
    text: str = "exact"
    collation: str = ""
    exp_raises: bool = False
    folds_upper: bool = False
    column_case: bool = False


_DIALECTS = (
    Dialect("duckdb", text="collate", collation="C"),
    Dialect("postgres", staging="row", text="collate", collation="C", exp_raises=True, column_case=True),
    Dialect("snowflake", exp_raises=True, folds_upper=True),
    Dialect("bigquery", nan="function", exp_raises=True),
    Dialect("redshift", text="mark", exp_raises=True),
    Dialect("spark", staging="lateral"),
    Dialect("databricks"),
    Dialect("mysql", staging="lateral", nan="none", text="collate", collation="utf8mb4_0900_bin"),
    Dialect("sqlite", staging="scalar", nan="none", text="collate", collation="BINARY"),
    Dialect("tsql", staging="lateral", nan="none", text="both", collation="Latin1_General_100_BIN2"),
    Dialect("clickhouse", nan="function", column_case=True),
    Dialect("trino", staging="lateral", nan="function"),
    Dialect("oracle", staging="lateral", nan="nanvl", folds_upper=True),
)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _DIALECTS}
"""Every dialect that a model can be compiled to, by sqlglot's name of it."""


def dialect_named(name: str) -> Dialect:
    """The dialect of a name, in any case.

    Raises
    ------
    InvalidArgument
        The dialect is not one of :data:`DIALECTS`; the message lists them and the closest.

    Examples
    --------
    >>> dialect_named("DuckDB").staging
    'nested'
    >>> dialect_named("postgre")
    Traceback (most recent call last):
    ...
    sqlml.errors.InvalidArgument: ML001 dialect 'postgre' is unknown; closest: postgres; known are: duckdb, ...
    """
    known = DIALECTS.get(str(name).lower())
    if known is not None:
        return known
    close = difflib.get_close_matches(str(name).lower(), [*DIALECTS, *_SYNONYMS], n=1)
    closest = f"closest: {_SYNONYMS.get(close[0], close[0])}; " if close else ""
    raise InvalidArgument(f"dialect {name!r} is unknown; {closest}known are: {', '.join(DIALECTS)}")


_SYNONYMS = {"postgresql": "postgres", "sqlserver": "tsql", "mssql": "tsql", "pyspark": "spark", "mariadb": "mysql"}
