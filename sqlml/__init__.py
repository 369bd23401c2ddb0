"""Models trained, versioned, scored, explained and monitored in SQL."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlml.errors import SqlmlError

if TYPE_CHECKING:
    from sqlml.connection import connect
    from sqlml.engine.duckdb.connection import Connection

__all__ = ["Connection", "SqlmlError", "connect"]

_HOMES = {"Connection": "sqlml.engine.duckdb.connection", "connect": "sqlml.connection"}


def __getattr__(name: str) -> Any:
    # Read at first use: the database and the training libraries take a second that `sqlml --help` must not cost.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
