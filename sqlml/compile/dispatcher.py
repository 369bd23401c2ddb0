"""``predict(model, features)`` and its sisters in PostgreSQL: functions that know the models that are live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from sqlml.compile.address import RETURNS, ROW, addressed_name, any_version, as_list, compared, variables_of
from sqlml.compile.columns import FEATURES
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.plpgsql import Assign, Function, If, Return, Statement, create_function
from sqlml.compile.qualified import call

COST = 1000
"""About what a model of a hundred trees costs."""


def dispatch_functions(live: Mapping[str, str]) -> tuple[CompiledRoutine, ...]:
    """The functions that answer for every model, over ``(model, features)``; ``live`` has the task of every live one.

    They are ``predict``, ``predict_label``, ``predict_proba`` and ``raw_score``. A live model is called directly, by
    its name or by the number of the version that is live; ``model@alias`` and other versions through a statement of
    their own, which takes longer. They are to be made anew when a model goes live for the first time.
    """
    return tuple(
        CompiledRoutine(kind, create_function(_dispatcher(kind, returns, live)), "dispatch", "all")
        for kind, returns in RETURNS.items()
    )


def _dispatcher(kind: str, returns: str, live: Mapping[str, str]) -> Function:
    direct = {name: _live_call(kind, name, live[name]) for name in sorted(live)}
    addressed = {name: _addressed_call(kind, name) for name in sorted(live)}
    body = (
        *_choice("model", direct, sorted(live)),
        Assign("name", call("split_part", exp.column("model"), exp.Literal.string("@"), exp.Literal.number(1))),
        *_choice("name", addressed, sorted(live)),
        *any_version(kind, exp.column("model")),
    )
    variables = {"name": "pg_catalog.text", **variables_of(kind)}
    return Function(kind, {"model": "pg_catalog.text", **ROW}, returns, body, COST, variables)


def _choice(given: str, calls: Mapping[str, exp.Expr], names: Sequence[str]) -> tuple[Statement, ...]:
    """The call for the name that a variable holds, found by halves; nothing where it is none of the names."""
    if len(names) <= 4:
        return tuple(If(compared(given, "=", name), (Return(calls[name]),)) for name in names)
    middle = len(names) // 2
    lower, upper = _choice(given, calls, names[:middle]), _choice(given, calls, names[middle:])
    return (If(compared(given, "<", names[middle]), lower, upper),)


def _live_call(kind: str, name: str, task: str) -> exp.Expr:
    answer = call(f"{kind}_{name}", exp.column(FEATURES), schema="sqlml")
    return answer if task == "multiclass" else as_list(kind, 1, answer)


def _addressed_call(kind: str, name: str) -> exp.Expr:
    return call(addressed_name(kind, name), exp.column("model"), exp.column(FEATURES), schema="sqlml")
