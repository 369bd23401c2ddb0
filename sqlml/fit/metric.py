"""The metrics that choose between models while fitting, by scikit-learn's names and its own code.

``output`` is what a scorer gives: the value of a regression, the probability of ``classes[1]`` of a binary
model, one probability per class, shape (n, K), of a multiclass model. ``target`` holds values or class codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.names import unknown_name

Floats = NDArray[np.float64]

_PRIMARY = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True)
class Metric:
    """How a metric is computed from (target, output, weight), and which direction is better."""

    value: Callable[[Floats, Floats, Floats | None], float]
    higher_is_better: bool


def primary_metric(task: str) -> str:
    """The metric that decides: ``roc_auc`` of binary, ``log_loss`` of multiclass, ``rmse`` of regression models."""
    if task not in _PRIMARY:
        raise InvalidArgument(f"task {task!r} is unknown; {unknown_name(task, _PRIMARY)}")
    return _PRIMARY[task]


def higher_is_better(metric: str) -> bool:
    """Whether a greater value of this metric is a better model.

    >>> higher_is_better("roc_auc"), higher_is_better("rmse")
    (True, False)
    """
    return _metric(metric).higher_is_better


def metric_value(metric: str, target: Floats, output: Floats, weight: Floats | None = None) -> float:
    """The value of a metric over rows, each counted by its weight where there is one.

    >>> metric_value("rmse", np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 2**0.5
    True
    """
    return float(_metric(metric).value(target, output, weight))


def _metric(name: str) -> Metric:
    if name not in METRICS:
        raise InvalidArgument(f"metric {name!r} is unknown; {unknown_name(name, METRICS)}")
    return METRICS[name]


def _roc_auc(target: Floats, output: Floats, weight: Floats | None) -> float:
    from sklearn.metrics import roc_auc_score

    counted = target if weight is None else target[weight > 0.0]
    if len(np.unique(counted)) < 2:
        raise InvalidData("roc_auc needs rows of both classes; take other rows, or another split")
    value: float = roc_auc_score(target, output, sample_weight=weight)
    return value


def _log_loss(target: Floats, output: Floats, weight: Floats | None) -> float:
    from sklearn.metrics import log_loss

    labels = np.arange(2 if output.ndim == 1 else output.shape[1])
    value: float = log_loss(target, output, sample_weight=weight, labels=labels)
    return value


def _rmse(target: Floats, output: Floats, weight: Floats | None) -> float:
    from sklearn.metrics import root_mean_squared_error

    value: float = root_mean_squared_error(target, output, sample_weight=weight)
    return value


METRICS: dict[str, Metric] = {
    "roc_auc": Metric(_roc_auc, higher_is_better=True),
    "log_loss": Metric(_log_loss, higher_is_better=False),
    "rmse": Metric(_rmse, higher_is_better=False),
}
"""Every metric by its name."""
