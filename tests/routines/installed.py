"""The routines that there are: in a new DuckDB file, in PostgreSQL's reviewed catalog, and in what models bring."""

from __future__ import annotations

import re
from pathlib import Path

import sqlml
from routines.names import calls, routine
from sqlml.compile import routines as compiled_routines
from sqlml.install import sql_files
from sqlml.spec import Constant, Model

CATALOG = Path(__file__).parents[1] / "fixtures" / "catalog" / "postgres.txt"
"""As ``tests/install/test_catalog.py`` holds it against a server."""

_IN_CATALOG = re.compile(r'^(?:function|procedure) sqlml\.(?:"([^"]+)"|(\w+))\(', re.MULTILINE)
_IN_DUCKDB = """
SELECT CASE function_type WHEN 'scalar' THEN 'python' ELSE schema_name END || '.' || function_name, macro_definition
FROM duckdb_functions()
WHERE function_type IN ('macro', 'table_macro') AND NOT internal
   OR function_type = 'scalar' AND function_name LIKE 'sqlml\\_connect\\_required\\_%' ESCAPE '\\'
"""
_MODELS = (
    Model("binary", (), (), Constant((0.5,)), "logistic", ("0", "1")),
    Model("multiclass", (), (), Constant((0.5, 0.5, 0.5)), "softmax", ("0", "1", "2")),
    Model("regression", (), (), Constant((0.5,)), "identity"),
)


def installed(engine: str) -> set[str]:
    """The routines of an engine, under the names by which they are counted."""
    return (set(_macros()) if engine == "duckdb" else _functions()) | _of_models(engine)


def expansions() -> dict[str, set[str]]:
    """The macros of DuckDB, each with all macros that a statement runs which calls it."""
    named = {name: calls(definition or "", "duckdb") for name, definition in _macros().items()}

    def reached(name: str) -> set[str]:
        return {name}.union(*(reached(called) for called in named[name] & named.keys()))

    return {name: reached(name) for name in named}


def sources() -> dict[str, str]:
    """The text of the file of each routine of PostgreSQL that has one."""
    files = [file for folder in ("routines", "inline") for file in sql_files("postgres", folder)]
    return {f"sqlml.{file.stem}": file.text for file in files}


def _macros() -> dict[str, str | None]:
    with sqlml.connect() as connection:
        return dict(connection.execute(_IN_DUCKDB).fetchall())


def _functions() -> set[str]:
    return {f"sqlml.{quoted or plain}" for quoted, plain in _IN_CATALOG.findall(CATALOG.read_text())}


def _of_models(engine: str) -> set[str]:
    made = [compiled for model in _MODELS for compiled in compiled_routines(engine, "m", 1, model)]
    return {routine(f"sqlml.{compiled.name}") for compiled in made}
