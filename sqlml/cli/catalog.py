"""The names that a database has for whoever types SQL: tables, columns, models, routines, functions, keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlml.errors import SqlmlError

if TYPE_CHECKING:
    from sqlml.engine import Engine

_COLUMNS = """
SELECT CASE WHEN schema_name = current_schema() THEN table_name ELSE schema_name || '.' || table_name END, column_name
FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal
ORDER BY schema_name = 'sqlml', schema_name, table_name, column_index
"""
_ROUTINES = """
SELECT CASE WHEN schema_name = 'main' THEN function_name ELSE schema_name || '.' || function_name END, parameters
FROM duckdb_functions()
WHERE database_name = current_database() AND NOT internal AND function_type IN ('macro', 'table_macro')
ORDER BY 1
"""
_FUNCTIONS = """
SELECT DISTINCT function_name FROM duckdb_functions()
WHERE internal AND regexp_full_match(function_name, '[a-z][a-z0-9_]*') ORDER BY 1
"""
_KEYWORDS = "SELECT upper(keyword_name) FROM duckdb_keywords() ORDER BY 1"
_RESERVED = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
_ADDRESSES = "SELECT address FROM sqlml.address ORDER BY 1"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Catalog:
    """``tables``: columns by table or view; ``routines``: parameters by routine; ``addresses``: what models answer to.

    A table or routine of another schema than the current one is named ``schema.name``.
    """

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    routines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


def read_catalog(engine: Engine) -> Catalog:
    """The names that are committed; none where the database cannot be asked now."""
    try:
        reserved = {name for (name,) in engine.rows(_RESERVED)}
        tables: dict[str, tuple[str, ...]] = {}
        for table, column in engine.rows(_COLUMNS):
            name = ".".join(_written(part, reserved) for part in table.split("."))
            tables[name] = (*tables.get(name, ()), _written(column, reserved))
        return Catalog(
            tables,
            {name: tuple(_written(one, reserved) for one in several) for name, several in engine.rows(_ROUTINES)},
            tuple(name for (name,) in engine.rows(_ADDRESSES)),
            tuple(name for (name,) in engine.rows(_FUNCTIONS)),
            tuple(name for (name,) in engine.rows(_KEYWORDS)),
        )
    except SqlmlError:
        return Catalog()


def _written(name: str, reserved: set[str]) -> str:
    """A name as it is typed: in quotes where it has to be."""
    if _PLAIN.fullmatch(name) and name.lower() not in reserved:
        return name
    return '"' + name.replace('"', '""') + '"'
