"""A fitted model as SQL: one SELECT for any dialect, and the macros that DuckDB keeps in the database.

Everything is built as sqlglot trees; nothing here knows a connection.
"""

from sqlml.compile.dialect import DIALECTS
from sqlml.compile.lists import LIST_COLUMNS, tree_lists
from sqlml.compile.routine import CompiledRoutine, routines
from sqlml.compile.statement import select_sql

__all__ = ["DIALECTS", "LIST_COLUMNS", "CompiledRoutine", "routines", "select_sql", "tree_lists"]
