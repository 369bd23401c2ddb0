"""The model to beat: the same answer for every row. With a given constant, the first version behind a new name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.names import unknown_name
from sqlml.fit.rows import Fitted, Progress, Rows
from sqlml.fit.step import column_steps
from sqlml.spec import Constant, Model

HYPERPARAMETERS = {
    "constant": (
        "the answer, instead of one from the rows: a number (regression), the probability of the positive class "
        "(binary), or an object from class to probability (multiclass)"
    ),
}
"""One line per hyperparameter."""


def fit(
    rows: Rows,
    hyperparams: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
    progress: Progress | None = None,
) -> Fitted:
    """The weighted mean of the target, or the weighted frequency of each class, as a constant model.

    ``hyperparams`` may hold ``constant``; see :data:`HYPERPARAMETERS`. ``preprocess`` is checked and has no
    effect, ``seed`` has none either. The columns of the rows stay the model's signature.
    """
    column_steps(rows.columns, preprocess)
    for name in hyperparams:
        if name not in HYPERPARAMETERS:
            raise InvalidHyperparameter(
                f"algorithm 'baseline' has no hyperparameter {name!r}; {unknown_name(name, HYPERPARAMETERS)}"
            )
    constant = hyperparams.get("constant")
    if constant is None:
        values = _frequencies(rows) if rows.classes else (_mean(rows),)
    elif rows.task == "multiclass":
        values = _given_probabilities(rows, constant)
    else:
        values = (_given_number(rows, constant),)
    model = Model(
        task=rows.task,
        columns=rows.columns,
        features=(),
        estimator=Constant(values[1:] if rows.task == "binary" and constant is None else values),
        link="identity",
        classes=rows.classes,
        importance=(0.0,) * len(rows.columns),
    )
    if progress is not None:
        progress(1, 1)
    return Fitted(model, {"constant": constant})


def _frequencies(rows: Rows) -> tuple[float, ...]:
    """The share of each class; the sum is exactly rounded, so that it does not depend on the order of rows."""
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    sums = [math.fsum(weight[rows.target == code].tolist()) for code in range(len(rows.classes))]
    return tuple(each / _positive(math.fsum(sums)) for each in sums)


def _mean(rows: Rows) -> float:
    if rows.weight is None:
        return math.fsum(rows.target.tolist()) / len(rows)
    return math.fsum((rows.target * rows.weight).tolist()) / _positive(math.fsum(rows.weight.tolist()))


def _positive(total: float) -> float:
    if total <= 0.0:
        raise InvalidData("all rows have weight 0; give at least one of them a positive weight")
    return total


def _given_number(rows: Rows, constant: Any) -> float:
    number = _number(constant)
    if number is None or (rows.task == "binary" and not 0.0 <= number <= 1.0):
        wanted = "a finite number"
        if rows.task == "binary":
            wanted = f"the probability of class {rows.classes[1]!r}, a number from 0 to 1"
        raise InvalidHyperparameter(f"constant is {constant!r}; of a {rows.task} model it must be {wanted}")
    return number


def _given_probabilities(rows: Rows, constant: Any) -> tuple[float, ...]:
    if not isinstance(constant, Mapping):
        raise InvalidHyperparameter(
            f"constant is {constant!r}; of a multiclass model it must be an object from class to probability"
        )
    for name in constant:
        if name not in rows.classes:
            raise InvalidHyperparameter(f"constant names {name!r}, not a class; {unknown_name(name, rows.classes)}")
    given = [_number(constant.get(name, 0.0)) for name in rows.classes]
    values = tuple(-1.0 if value is None else value for value in given)
    if not all(0.0 <= value <= 1.0 for value in values) or abs(math.fsum(values) - 1.0) > 1e-9:
        raise InvalidHyperparameter(
            f"constant is {dict(constant)!r}; it needs probabilities from 0 to 1 that add up to 1"
        )
    return values


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
