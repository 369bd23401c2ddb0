"""The routines that a database keeps for a version of a model, in each dialect that has any."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from sqlml.compile.address import KINDS
from sqlml.compile.columns import check_columns
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.dialect import DIALECTS
from sqlml.compile.dispatcher import dispatch_functions
from sqlml.compile.function import functions
from sqlml.compile.macro import macros
from sqlml.compile.qualified import call
from sqlml.errors import InvalidName
from sqlml.spec import Model

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")

Compiler = Callable[[str, int, Model], tuple[CompiledRoutine, ...]]

COMPILERS: dict[str, Compiler] = {"duckdb": macros, "postgres": functions}
"""What compiles the routines of a version, by dialect."""


LAYOUTS_IN_TABLES = ("lists",)
"""The layouts in which the model lies in ``sqlml.compiled_trees`` and not in its routines."""


def routines(dialect: str, name: str, version: int, model: Model) -> tuple[CompiledRoutine, ...]:
    """The routines of schema ``sqlml`` for a version of model ``name``, in the order in which to create them.

    Each takes ``features``, a whole row. In both dialects ``raw_score_<name>`` gives a double, or a list of them for
    a multiclass model; ``predict_<name>`` the value or the probability of ``classes[1]``; ``predict_label_<name>`` the
    class as text, ``classes[1]`` where its probability is above one half, the first of the greatest for a multiclass
    model; ``predict_proba_<name>`` a JSON object, class to probability. Those are of scope ``live``. PostgreSQL keeps
    the same functions for every version, of scope ``version``; in DuckDB there are none.

    Raises
    ------
    InvalidName
        ``name`` is not the name of a model.
    InvalidArgument
        The dialect cannot tell two columns of the model apart, or cannot hold a name or a text of it.

    Examples
    --------
    >>> from sqlml.spec import Constant
    >>> model = Model("regression", (), (), Constant((1.5,)), "identity")
    >>> [routine.name for routine in routines("postgres", "m", 1, model) if routine.scope == "version"]
    ['m@1_core', 'm@1_raw', 'm@1_predict', 'm@1_label', 'm@1_proba']
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(f"a model cannot be named {name!r}; a name matches {_NAME.pattern}")
    check_columns(model, DIALECTS[dialect])
    return COMPILERS[dialect](name, version, model)


def raw_score_calls(dialect: str, name: str, version: int, row: exp.Expr) -> tuple[exp.Expr, ...]:
    """The raw score of a row by the routines of a version, in every way in which they read a row.

    In DuckDB the live macro is asked, so it has to be that of the version.

    >>> print(*(each.sql("postgres") for each in raw_score_calls("postgres", "m", 1, exp.column("r"))))
    sqlml."m@1_raw"(r) sqlml."m@1_raw"(pg_catalog.to_jsonb(r))
    """
    if dialect == "duckdb":
        return (call(f"raw_score_{name}", row, schema="sqlml"),)
    function = f"{name}@{version}_{KINDS['raw_score']}"
    return tuple(call(function, each, schema="sqlml") for each in (row, call("to_jsonb", row.copy())))


def dispatchers(dialect: str, live: Mapping[str, str]) -> tuple[CompiledRoutine, ...]:
    """The routines that have to be made anew when a model goes live: those that know the live models.

    ``live`` has the task of every live model. DuckDB has none: its ``predict`` is the same for every model.
    """
    return dispatch_functions(live) if dialect == "postgres" else ()


def dispatchers_lock(dialect: str) -> tuple[str, ...]:
    """The statements that let no other transaction change the dispatchers; run them before the live models are read."""
    return (_LOCK,) if dialect == "postgres" else ()


_LOCK = "INSERT INTO sqlml.lock (name) VALUES ('dispatchers') ON CONFLICT (name) DO UPDATE SET name = excluded.name"
"""A row that only the owner can lock; an advisory lock could be held by anybody who may log in."""
