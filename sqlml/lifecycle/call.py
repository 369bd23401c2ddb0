"""The door through which SQL comes in: a verb and its arguments as JSON, an answer as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime
from inspect import Parameter, signature
from typing import Any, get_args, get_type_hints

from sqlml.engine import Engine
from sqlml.errors import InvalidArgument, SqlmlError
from sqlml.lifecycle.arguments import Report, silent
from sqlml.lifecycle.check import check
from sqlml.lifecycle.deploy import deploy, rollback
from sqlml.lifecycle.describe import feature_importance, to_sql, training_info
from sqlml.lifecycle.evaluate import calibration, confusion_matrix, evaluate, roc_curve
from sqlml.lifecycle.monitor import monitor
from sqlml.lifecycle.score import score
from sqlml.lifecycle.train import train
from sqlml.lifecycle.truth import record_truth

CALLS: dict[str, Callable[..., Any]] = {
    "train": train,
    "deploy": deploy,
    "rollback": rollback,
    "score": score,
    "record_truth": record_truth,
    "check": check,
    "monitor": monitor,
    "evaluate": evaluate,
    "confusion_matrix": confusion_matrix,
    "roc_curve": roc_curve,
    "calibration": calibration,
    "feature_importance": feature_importance,
    "training_info": training_info,
    "to_sql": to_sql,
}
"""Every verb that SQL can call, procedures first, then what table functions read."""

WRITING = frozenset({"train", "deploy", "rollback", "score", "record_truth", "check", "monitor"})
"""The verbs that commit their own work."""


LONG = frozenset({"train", "score", "monitor"})
"""The verbs that take a ``report``, through which the caller is told of progress and may end them."""


def call(engine: Engine, verb: str, arguments: str, report: Report = silent) -> str:
    """Run one verb with the arguments of a JSON object; gives its row, or its rows, as JSON.

    A number that JSON does not know is its text: ``"Infinity"``, ``"-Infinity"`` or ``"NaN"``, which both engines read
    as that number.

    Raises
    ------
    SqlmlError
        And nothing else: an error that is not of our tree is wrapped, with its kind and its words.
    """
    try:
        reporting = {"report": report} if verb in LONG else {}
        if verb in WRITING:
            engine.refuse_snapshot()
        answer = CALLS[verb](engine, **checked_arguments(verb, json.loads(arguments)), **reporting)
    except SqlmlError:
        raise
    except Exception as error:
        raise SqlmlError(
            f"sqlml.{verb} failed in a way that it should not: {type(error).__name__}: {error}. "
            "Nothing was changed; please report this with the statement"
        ) from error
    return json.dumps(_with_texts(answer), default=_as_json, allow_nan=False)


def checked_arguments(verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, where each has the type that its verb names for it.

    One that is NULL, has a default, and means nothing by NULL, is left out: so a caller may hand on variables of which
    some have no value.

    Raises
    ------
    InvalidArgument
        With the argument, its value and the type.
    """
    wanted, known = get_type_hints(CALLS[verb]), signature(CALLS[verb]).parameters
    given = {}
    for name, value in arguments.items():
        types = get_args(wanted[name]) or (wanted[name],)
        allowed = (*types, int) if float in types else types
        if value is None and type(None) not in types and known[name].default is not Parameter.empty:
            continue
        if Any not in types and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in types)):
            words = " or ".join(_WORDS[each] for each in types)
            raise InvalidArgument(f"{name} => {'NULL' if value is None else repr(value)} must be {words}")
        given[name] = value
    return given


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "NULL"}


_NOT_IN_JSON = {math.inf: "Infinity", -math.inf: "-Infinity"}


def _with_texts(answer: Any) -> Any:
    """An answer with texts for the numbers that JSON does not know."""
    if isinstance(answer, dict):
        return {name: _with_texts(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_with_texts(value) for value in answer]
    if isinstance(answer, float) and not math.isfinite(answer):
        return _NOT_IN_JSON.get(answer, "NaN")
    return answer


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
