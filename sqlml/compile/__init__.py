"""A fitted model as SQL: one SELECT for any dialect, and the routines that DuckDB and PostgreSQL keep in the database.

Everything is built as sqlglot trees; nothing here knows a connection.
"""

from sqlml.compile.compiled import CompiledRoutine, created_routines, script
from sqlml.compile.dialect import DIALECTS
from sqlml.compile.lists import LIST_COLUMNS, tree_lists
from sqlml.compile.routine import dispatchers, dispatchers_lock, raw_score_calls, routines
from sqlml.compile.statement import select_sql

__all__ = [
    "DIALECTS",
    "LIST_COLUMNS",
    "CompiledRoutine",
    "created_routines",
    "dispatchers",
    "dispatchers_lock",
    "raw_score_calls",
    "routines",
    "script",
    "select_sql",
    "tree_lists",
]
