"""Sees the calls in DuckDB files that this process opens.

A test's own statements go through :class:`Connection`; those of sqlml itself through :class:`DuckDBEngine`. Macros are
gone once a statement is bound, so they are read in its text; a Python function is counted when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import pytest

from routines.names import calls
from sqlml.engine.duckdb.connection import Connection, Database, Function
from sqlml.engine.duckdb.engine import DuckDBEngine

Note = Callable[[frozenset[str], bool], None]
"""Takes names of routines, and whether a statement of a test named them."""


def watch(patch: pytest.MonkeyPatch, note: Note) -> None:
    """Tell ``note`` of every call until the patch is undone. A statement that fails has called nothing."""
    for method in ("execute", "sql", "query"):
        patch.setattr(Connection, method, _noting(getattr(Connection, method), note, direct=True))
    for method in ("execute", "rows", "arrow"):
        patch.setattr(DuckDBEngine, method, _noting(getattr(DuckDBEngine, method), note, direct=False))
    patch.setattr(Database, "add_function", _with_noting_functions(Database.add_function, note))


def _noting(method: Callable[..., Any], note: Note, direct: bool) -> Callable[..., Any]:
    @wraps(method)
    def run(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        answer = method(self, query, *arguments, **options)
        note(calls(query if isinstance(query, str) else query.query, "duckdb"), direct)
        return answer

    return run


def _with_noting_functions(method: Callable[..., Any], note: Note) -> Callable[..., Any]:
    @wraps(method)
    def add_function(self: Database, function: Function) -> None:
        name = frozenset({f"python.{function.name}"})

        @wraps(function.call)
        def call(*arguments: Any) -> Any:
            note(name, False)
            return function.call(*arguments)

        method(self, replace(function, call=call))

    return add_function
