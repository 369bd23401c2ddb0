"""``predict(model, features)`` and its sisters in PostgreSQL: functions that know the models that are live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from sqlml.compile.columns import FEATURES
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.function import KINDS, ROW
from sqlml.compile.plpgsql import Assign, Execute, Function, If, Return, Statement, create_function
from sqlml.compile.qualified import call, operator

RETURNS = {
    "predict": "double precision",
    "predict_label": "pg_catalog.text",
    "predict_proba": "pg_catalog.json",
    "raw_score": "double precision[]",
}
"""What each function returns."""

COST = 1000
"""About what a model of a hundred trees costs."""


def dispatch_functions(live: Mapping[str, str]) -> tuple[CompiledRoutine, ...]:
    """The functions that answer for every model, over ``(model, features)``; ``live`` has the task of every live one.

    They are ``predict``, ``predict_label``, ``predict_proba`` and ``raw_score``. A live model is called directly;
    ``model@alias`` and ``model@version`` through a statement of their own, which takes longer. They are to be made
    anew when a model goes live for the first time.
    """
    return tuple(
        CompiledRoutine(kind, create_function(_dispatcher(kind, returns, live)), "dispatch", "all")
        for kind, returns in RETURNS.items()
    )


def _dispatcher(kind: str, returns: str, live: Mapping[str, str]) -> Function:
    body = (*_choice(kind, live, sorted(live)), *_any_version(kind))
    return Function(
        kind,
        {"model": "pg_catalog.text", **ROW},
        returns,
        body,
        COST,
        {"named": "pg_catalog.record", "answer": returns},
    )


def _any_version(kind: str) -> tuple[Statement, ...]:
    """The version that an address names: looked up and called by a statement that is made for it."""
    named = [exp.column(part, table="named") for part in ("model", "version")]
    statement = call("format", exp.Literal.string(_STATEMENTS.get(kind, "SELECT sqlml.%I($1)")), _name(kind, *named))
    return (
        Assign("named", call("addressed", exp.column("model"), schema="sqlml")),
        Execute(statement, "answer", exp.column(FEATURES)),
        Return(exp.column("answer")),
    )


_STATEMENTS = {"raw_score": "SELECT CAST('{}' AS double precision[]) OPERATOR(pg_catalog.||) sqlml.%I($1)"}
"""The statements that take more than a call; a number or a list of them is put behind an empty list."""


def _name(kind: str, model: exp.Expr, version: exp.Expr) -> exp.Expr:
    """The name of the function of a version."""
    return call("concat", model, exp.Literal.string("@"), version, exp.Literal.string(f"_{KINDS[kind]}"))


def _choice(kind: str, live: Mapping[str, str], names: Sequence[str]) -> tuple[Statement, ...]:
    """The call of the one that is asked for, found by halves."""
    if len(names) <= 4:
        return tuple(If(_model("=", name), (Return(_live_call(kind, name, live[name])),)) for name in names)
    middle = len(names) // 2
    lower, upper = _choice(kind, live, names[:middle]), _choice(kind, live, names[middle:])
    return (If(_model("<", names[middle]), lower, upper),)


def _model(symbol: str, name: str) -> exp.Expr:
    collation = exp.column(exp.to_identifier("C", quoted=True), table="pg_catalog")
    model = exp.Collate(this=exp.column("model"), expression=collation)
    return operator(model, symbol, exp.Literal.string(name))


def _live_call(kind: str, name: str, task: str) -> exp.Expr:
    answer = call(f"{kind}_{name}", exp.column(FEATURES), schema="sqlml")
    return exp.Array(expressions=[answer]) if kind == "raw_score" and task != "multiclass" else answer
