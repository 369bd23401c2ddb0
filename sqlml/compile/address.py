"""The functions of PostgreSQL that answer for an address of a model: ``model@version`` and ``model@alias``."""

from __future__ import annotations

from sqlglot import exp

from sqlml.compile.columns import FEATURES
from sqlml.compile.plpgsql import Assign, Execute, Function, If, Return, Statement
from sqlml.compile.qualified import call, operator

KINDS = {"raw_score": "raw", "predict": "predict", "predict_label": "label", "predict_proba": "proba"}
"""The functions of a model, and what they are called for one version: ``<model>@<version>_<word>``."""

RETURNS = {
    "predict": "double precision",
    "predict_label": "pg_catalog.text",
    "predict_proba": "pg_catalog.json",
    "raw_score": "double precision[]",
}
"""What each function returns that answers for many versions."""

ROW = {FEATURES: "pg_catalog.anyelement"}
"""The argument of a function over a row."""

ADDRESS = "address"
"""The argument that holds an address."""

_STATEMENTS = {"raw_score": "SELECT CAST('{}' AS double precision[]) OPERATOR(pg_catalog.||) sqlml.%I($1)"}
"""The statements that take more than a call; a number or a list of them is put behind an empty list."""


def addressed_function(kind: str, model: str, version: int, outputs: int, cost: int) -> Function:
    """The function over ``(address, features)`` for addresses of ``model``, to be made when ``version`` goes live.

    It calls that version directly, by its number, so that what answers is what the address says, whatever goes live
    meanwhile. What else an address may name is looked up and takes longer.
    """
    answer = call(f"{model}@{version}_{KINDS[kind]}", exp.column(FEATURES), schema="sqlml")
    is_own = compared(ADDRESS, "=", f"{model}@{version}")
    body = (If(is_own, (Return(as_list(kind, outputs, answer)),)), *any_version(kind, exp.column(ADDRESS)))
    arguments = {ADDRESS: "pg_catalog.text", **ROW}
    return Function(addressed_name(kind, model), arguments, RETURNS[kind], body, cost, variables_of(kind))


def addressed_name(kind: str, model: str) -> str:
    """The name of that function."""
    return f"{model}@live_{KINDS[kind]}"


def compared(variable: str, symbol: str, name: str) -> exp.Expr:
    """A comparison of a text with a name, byte by byte whatever the collation of the text."""
    collation = exp.column(exp.to_identifier("C", quoted=True), table="pg_catalog")
    given = exp.Collate(this=exp.column(variable), expression=collation)
    return operator(given, symbol, exp.Literal.string(name))


def as_list(kind: str, outputs: int, answer: exp.Expr) -> exp.Expr:
    """The answer of one version as that of a function for many, whose raw scores are lists."""
    return exp.Array(expressions=[answer]) if kind == "raw_score" and outputs == 1 else answer


def any_version(kind: str, address: exp.Expr) -> tuple[Statement, ...]:
    """The version that an address names: looked up and called by a statement that is made for it."""
    named = [exp.column(part, table="named") for part in ("model", "version")]
    name = call("concat", named[0], exp.Literal.string("@"), named[1], exp.Literal.string(f"_{KINDS[kind]}"))
    statement = call("format", exp.Literal.string(_STATEMENTS.get(kind, "SELECT sqlml.%I($1)")), name)
    return (
        Assign("named", call("addressed", address, schema="sqlml")),
        Execute(statement, "answer", exp.column(FEATURES)),
        Return(exp.column("answer")),
    )


def variables_of(kind: str) -> dict[str, str]:
    """The variables of :func:`any_version`."""
    return {"named": "pg_catalog.record", "answer": RETURNS[kind]}
