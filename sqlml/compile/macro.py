"""The macros that DuckDB runs for the live version of a model, with nothing but the database file at hand."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

from sqlml.compile.binding import bound, list_item, transformed, typed_list
from sqlml.compile.columns import FEATURES
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.dialect import DIALECTS
from sqlml.compile.expression import raw_expression
from sqlml.compile.link import exponential, logistic
from sqlml.compile.lists import raw_lists
from sqlml.compile.literal import double, text
from sqlml.compile.row import raised
from sqlml.compile.statement import binary_label
from sqlml.spec import Model, Trees

_DUCKDB = DIALECTS["duckdb"]


def macros(name: str, version: int, model: Model) -> tuple[CompiledRoutine, ...]:
    """The macros of schema ``sqlml`` for a version of model ``name``: all are the live ones, and read one row of lists.

    ``layout`` is ``lists`` (the model lies in ``sqlml.compiled_trees``) or ``expression`` (in the macro itself).
    ``raw_score_<name>`` gives DOUBLE, or DOUBLE[] for a multiclass model.

    >>> from sqlml.spec import Constant
    >>> for macro in macros("m", 1, Model("regression", (), (), Constant((1.5,)), "identity")):
    ...     print(macro.sql)
    CREATE OR REPLACE MACRO sqlml.raw_score_m(features) AS CAST('1.5' AS DOUBLE)
    CREATE OR REPLACE MACRO sqlml.predict_m(features) AS sqlml.raw_score_m(features)
    """
    layout = "lists" if isinstance(model.estimator, Trees) else "expression"
    raw = raw_lists(model, name, version) if layout == "lists" else raw_expression(model, name)
    bodies = {f"raw_score_{name}": raw, **_BODIES[model.task](model, name)}
    return tuple(CompiledRoutine(macro, _create(macro, body), layout) for macro, body in bodies.items())


def _create(macro: str, body: exp.Expr) -> str:
    signature = exp.UserDefinedFunction(
        this=exp.table_(macro, db="sqlml"), expressions=[exp.to_identifier(FEATURES)], wrapped=True
    )
    return exp.Create(this=signature, kind="MACRO", replace=True, expression=body).sql(dialect="duckdb")


def _call(macro: str) -> exp.Expr:
    """A call of another macro over the same row."""
    function = exp.Anonymous(this=macro, expressions=[exp.column(FEATURES)])
    return exp.Dot(this=exp.to_identifier("sqlml"), expression=function)


def _regression(model: Model, name: str) -> dict[str, exp.Expr]:
    return {f"predict_{name}": _linked(model, name)}


def _binary(model: Model, name: str) -> dict[str, exp.Expr]:
    probability = exp.column("p")
    rest = exp.Sub(this=double(1.0, _DUCKDB), expression=probability.copy())
    shares = _json(model, [rest, probability])
    return {
        f"predict_{name}": _linked(model, name),
        f"predict_label_{name}": bound("p", _call(f"predict_{name}"), binary_label(model, exp.column("p"), _DUCKDB)),
        f"predict_proba_{name}": bound("p", _call(f"predict_{name}"), shares),
    }


def _multiclass(model: Model, name: str) -> dict[str, exp.Expr]:
    refused = raised(
        f"ML001 model {name!r} has {len(model.classes)} classes and no single prediction; "
        f"call sqlml.predict_label_{name} or sqlml.predict_proba_{name}"
    )
    shares = exp.column("p")
    greatest = exp.Anonymous(this="LIST_MAX", expressions=[shares.copy()])
    first = exp.Anonymous(this="LIST_POSITION", expressions=[shares.copy(), greatest])
    label = list_item(typed_list([text(label, _DUCKDB) for label in model.classes], "VARCHAR"), first)
    items = [list_item(shares.copy(), place) for place in range(1, len(model.classes) + 1)]
    return {
        f"predict_{name}": refused,
        f"predict_label_{name}": bound("p", _linked_list(model, name), label),
        f"predict_proba_{name}": bound("p", _linked_list(model, name), _json(model, items)),
    }


_BODIES: dict[str, Callable[[Model, str], dict[str, exp.Expr]]] = {
    "regression": _regression,
    "binary": _binary,
    "multiclass": _multiclass,
}
"""The bodies of the macros over the raw score, by task."""


def _linked(model: Model, name: str) -> exp.Expr:
    """The output of a model of one."""
    raw = _call(f"raw_score_{name}")
    if model.link == "softmax":
        return _linked_list(model, name)
    link = _LINKS[model.link]
    return raw if link is None else bound("r", raw, link(exp.column("r"), _DUCKDB))


def _linked_list(model: Model, name: str) -> exp.Expr:
    """The outputs of a model of several, as a list."""
    raw = _call(f"raw_score_{name}")
    if model.link == "softmax":
        softmax = sqlglot.parse_one(_SOFTMAX, dialect="duckdb")
        return softmax.transform(lambda node: raw if isinstance(node, exp.Placeholder) else node)
    link = _LINKS[model.link]
    return raw if link is None else transformed(raw, ["r"], link(exp.column("r"), _DUCKDB))


_LINKS: dict[str, Callable[..., exp.Expr] | None] = {
    "identity": None,
    "logistic": logistic,
    "exponential": exponential,
}
"""The links that work on each raw score alone."""

_SOFTMAX = (
    "LIST_TRANSFORM([?], LAMBDA r : LIST_TRANSFORM([LIST_MAX(r)], LAMBDA m : LIST_TRANSFORM("
    "[LIST_TRANSFORM(r, LAMBDA v : EXP(v - m))], LAMBDA e : LIST_TRANSFORM([LIST_SUM(e)], LAMBDA t : "
    "LIST_TRANSFORM(e, LAMBDA v : v / t))[1])[1])[1])[1]"
)
"""exp(r - m) over their sum ``t``, where ``m`` is the greatest of the raw scores ``?``."""


def _json(model: Model, shares: list[exp.Expr]) -> exp.Expr:
    """A JSON object of the classes and their probabilities; JSON has no NaN, so that one is null."""
    nan = double(float("nan"), _DUCKDB)
    entries = [
        part
        for label, share in zip(model.classes, shares, strict=True)
        for part in (text(label, _DUCKDB), exp.Nullif(this=share, expression=nan.copy()))
    ]
    return exp.Anonymous(this="JSON_OBJECT", expressions=entries)
