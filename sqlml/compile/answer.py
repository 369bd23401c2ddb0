"""From the raw score to what a version answers in PostgreSQL, as statements over the variable ``raw``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp

from sqlml.compile.core import DOUBLE, POSTGRES, item_of
from sqlml.compile.link import exponential, greatest_of, logistic
from sqlml.compile.literal import double, text
from sqlml.compile.plpgsql import Assign, Raise, Return, Statement
from sqlml.compile.qualified import call, operator, qualified, system_cast
from sqlml.compile.statement import binary_label
from sqlml.spec import Model

RAW = "raw"
"""The variable that holds the raw score: a number for one output, an array for several."""


@dataclass(frozen=True)
class Answer:
    """What a function returns, and the statements that end it; ``exact_numbers`` where it writes numbers as text."""

    returns: str
    statements: tuple[Statement, ...]
    exact_numbers: bool = False

    @property
    def is_refusal(self) -> bool:
        """Whether it is an error, whatever the row."""
        return any(isinstance(statement, Raise) for statement in self.statements)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that the statements assign, and their types."""
        return {each.variable: DOUBLE for each in self.statements if isinstance(each, Assign)}


def answers(model: Model, address: str) -> dict[str, Answer]:
    """What each kind of function of a version answers."""
    return {
        "raw_score": Answer(DOUBLE if model.estimator.outputs == 1 else f"{DOUBLE}[]", (Return(exp.column(RAW)),)),
        "predict": _prediction(model, address),
        "predict_label": _label(model, address),
        "predict_proba": _shares(model, address),
    }


def _prediction(model: Model, address: str) -> Answer:
    if model.task == "multiclass":
        message = (
            f"model {address!r} is multiclass and has no single value; "
            "use predict_label(model, features) or predict_proba(model, features)"
        )
        return Answer(DOUBLE, (Raise("ML001", message),))
    statements, outputs = _outputs(model)
    return Answer(DOUBLE, (*statements, Return(outputs[0])))


def _label(model: Model, address: str) -> Answer:
    if model.task == "regression":
        return Answer("pg_catalog.text", (_no_classes("predict_label", address),))
    statements, outputs = _outputs(model)
    if model.task == "binary":
        return Answer("pg_catalog.text", (*statements, Return(qualified(binary_label(model, outputs[0], POSTGRES)))))
    best = exp.column("best")
    ifs = [
        exp.If(this=operator(share, "=", best.copy()), true=qualified(text(label, POSTGRES)))
        for share, label in zip(outputs, model.classes, strict=True)
    ]
    greatest = Assign("best", greatest_of(outputs, POSTGRES))
    return Answer("pg_catalog.text", (*statements, greatest, Return(exp.Case(ifs=ifs))))


def _shares(model: Model, address: str) -> Answer:
    """The JSON object as Python writes it, in the order of the classes."""
    if model.task == "regression":
        return Answer("pg_catalog.json", (_no_classes("predict_proba", address),), exact_numbers=True)
    statements, outputs = _outputs(model)
    if model.task == "binary":
        outputs = [qualified(exp.Sub(this=double(1.0, POSTGRES), expression=outputs[0])), outputs[0].copy()]
    starts = ["{", *[", "] * (len(outputs) - 1)]
    parts: list[exp.Expr] = []
    for start, label, share in zip(starts, model.classes, outputs, strict=True):
        parts.append(qualified(text(f"{start}{json.dumps(label, ensure_ascii=False)}: ", POSTGRES)))
        parts.append(call("number_in_json", share, schema="sqlml"))
    joined = reduce(lambda left, right: operator(left, "||", right), [*parts, exp.Literal.string("}")])
    document = system_cast(exp.Paren(this=joined), "json")
    return Answer("pg_catalog.json", (*statements, Return(document)), exact_numbers=True)


def _no_classes(function: str, address: str) -> Raise:
    return Raise("ML001", f"{function}: model {address!r} is a regression and has no classes; use predict")


def _outputs(model: Model) -> tuple[list[Statement], list[exp.Expr]]:
    """The statements that compute the outputs, and the variables that hold them."""
    count = model.estimator.outputs
    if count == 1 and model.link != "softmax":
        statements: list[Statement] = []
        raw: list[exp.Expr] = [exp.column(RAW)]
    else:
        whole = exp.column(RAW)
        items = [item_of(whole, k + 1) for k in range(count)]
        statements = [Assign(f"r{k}", item if count > 1 else whole) for k, item in enumerate(items)]
        raw = [exp.column(f"r{k}") for k in range(count)]
    added, outputs = _LINKS[model.link](raw)
    return [*statements, *added], outputs


Link = Callable[[list[exp.Expr]], tuple[list[Statement], list[exp.Expr]]]


def _identity(raw: list[exp.Expr]) -> tuple[list[Statement], list[exp.Expr]]:
    return [], raw


def _each(function: Callable[..., exp.Expr]) -> Link:
    def link(raw: list[exp.Expr]) -> tuple[list[Statement], list[exp.Expr]]:
        statements = [Assign(f"p{k}", qualified(function(score, POSTGRES))) for k, score in enumerate(raw)]
        return [*statements], [exp.column(statement.variable) for statement in statements]

    return link


def _softmax(raw: list[exp.Expr]) -> tuple[list[Statement], list[exp.Expr]]:
    """``exp(r - greatest)`` over their sum; no step fails where a number leaves the doubles."""
    greatest, total = exp.column("top"), exp.column("total")
    numbers = range(len(raw))
    differences = [Assign(f"d{k}", _difference(score, greatest)) for k, score in enumerate(raw)]
    powers = [Assign(f"e{k}", qualified(exponential(exp.column(f"d{k}"), POSTGRES))) for k in numbers]
    names: list[exp.Expr] = [exp.column(f"e{k}") for k in numbers]
    sums = reduce(lambda left, right: operator(left, "+", right), names)
    shares = [Assign(f"p{k}", _share(exp.column(f"e{k}"), total)) for k in numbers]
    first = Assign("top", greatest_of(raw, POSTGRES))
    return [first, *differences, *powers, Assign("total", sums), *shares], [exp.column(f"p{k}") for k in numbers]


def _difference(score: exp.Expr, greatest: exp.Expr) -> exp.Expr:
    limit = double(1e300, POSTGRES)
    moderate = exp.and_(*(operator(call("abs", each.copy()), "<", limit.copy()) for each in (score, greatest)))
    opposite = operator(double(-1.0, POSTGRES), "*", greatest.copy())
    exact = call("float_sum", score.copy(), opposite, schema="sqlml")
    plain = operator(score.copy(), "-", greatest.copy())
    return exp.Case(ifs=[exp.If(this=moderate, true=plain)], default=exact)


def _share(power: exp.Expr, total: exp.Expr) -> exp.Expr:
    large = operator(power, ">", double(1e-290, POSTGRES))
    exact = call("float_quotient", power.copy(), total.copy(), schema="sqlml")
    return exp.Case(ifs=[exp.If(this=large, true=operator(power.copy(), "/", total.copy()))], default=exact)


_LINKS: dict[str, Link] = {
    "identity": _identity,
    "logistic": _each(logistic),
    "softmax": _softmax,
    "exponential": _each(exponential),
}
"""The statements of each link, and the variables that then hold the outputs."""
