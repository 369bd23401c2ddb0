"""Whether one model is better than another on the same rows, with an interval for the difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import InvalidArgument
from sqlml.fit.metric import higher_is_better, metric_value, primary_metric

Floats = NDArray[np.float64]

NORMAL_975 = NormalDist().inv_cdf(0.975)
"""So many standard errors on either side make an interval of 95 %."""


@dataclass(frozen=True)
class Difference:
    """Two models on the same ``n`` rows: their metric, and how much better the candidate is.

    ``difference`` is positive where the candidate is better, whichever direction the metric has. ``ci_low`` to
    ``ci_high`` is its 95 % confidence interval; from minus to plus infinity where the rows are too few for one.
    """

    metric: str
    candidate: float
    reference: float
    difference: float
    ci_low: float
    ci_high: float
    n: int


def compare(
    task: str, target: Floats, candidate: Floats, reference: Floats, weight: Floats | None = None
) -> Difference:
    """Compare the outputs of two models by the primary metric of the task, paired row by row.

    The interval is ``difference ± 1.96 * se``, asymptotically normal. ``roc_auc``: DeLong, DeLong and
    Clarke-Pearson (1988), computed from ranks as in Sun and Xu (2014), "Fast implementation of DeLong's
    algorithm". ``log_loss``: the standard error of the mean difference per row. ``rmse``: the delta method,
    where row ``i`` moves the root by ``(e_i^2 - mse) / (2 rmse)``. With weights, each row's part is weighted
    and the variance is that of a weighted mean (the weights are taken as given, not as counts of rows).

    ``target`` holds values or class codes, shape (n,); outputs are as a scorer gives them (see
    :mod:`sqlml.fit.metric`).

    Raises
    ------
    InvalidArgument
        The task is unknown, or the arrays do not have the same number of rows.
    InvalidData
        A binary target has rows (of positive weight) of one class only.

    >>> target = np.array([0.0, 1.0, 2.0, 3.0])
    >>> compare("regression", target, target + 0.5, target + 2.0).difference
    1.5
    """
    metric = primary_metric(task)
    if not len(target) == len(candidate) == len(reference) or (weight is not None and len(weight) != len(target)):
        raise InvalidArgument("target, candidate, reference and weight must have one entry for each row")
    values = [metric_value(metric, target, output, weight) for output in (candidate, reference)]
    sign = 1.0 if higher_is_better(metric) else -1.0
    weights = np.ones(len(target)) if weight is None else weight
    error = _STANDARD_ERRORS[metric](target, candidate, reference, weights)
    difference = sign * (values[0] - values[1])
    low, high = difference - NORMAL_975 * error, difference + NORMAL_975 * error
    return Difference(metric, values[0], values[1], difference, low, high, len(target))


def _roc_auc_error(target: Floats, candidate: Floats, reference: Floats, weight: Floats) -> float:
    """The rows of each class are a sample of their own; a row's part is its placement among the other class."""
    positive = target == 1
    variance = 0.0
    for side in (positive, ~positive):
        parts = _placements(candidate, side, weight) - _placements(reference, side, weight)
        variance += _mean_error(parts, weight[side]) ** 2
    return math.sqrt(variance)


def _placements(scores: Floats, side: NDArray[np.bool_], weight: Floats) -> Floats:
    """For each row of ``side`` the share of the others (by weight) that it stands above, ties counted half."""
    others = np.argsort(scores[~side], kind="stable")
    ranked = scores[~side][others]
    sums = np.concatenate([[0.0], np.cumsum(weight[~side][others])])
    # Looked up in ascending order, each is near the last, and not somewhere in memory.
    order = np.argsort(scores[side])
    ascending = scores[side][order]
    below = sums[np.searchsorted(ranked, ascending, side="left")]
    upto = sums[np.searchsorted(ranked, ascending, side="right")]
    placements = np.empty(len(order))
    placements[order] = (below + upto) / (2.0 * sums[-1])
    return placements


def _log_loss_error(target: Floats, candidate: Floats, reference: Floats, weight: Floats) -> float:
    return _mean_error(_row_losses(target, candidate) - _row_losses(target, reference), weight)


def _row_losses(target: Floats, output: Floats) -> Floats:
    if output.ndim == 1:
        output = np.column_stack([1.0 - output, output])
    given = output[np.arange(len(target)), target.astype(np.int64)]
    eps = np.finfo(np.float64).eps
    losses: Floats = -np.log(np.clip(given, eps, 1.0 - eps))
    return losses


def _rmse_error(target: Floats, candidate: Floats, reference: Floats, weight: Floats) -> float:
    return _mean_error(_rmse_parts(target, candidate, weight) - _rmse_parts(target, reference, weight), weight)


def _rmse_parts(target: Floats, output: Floats, weight: Floats) -> Floats:
    squared = (output - target) ** 2
    mean = float(np.average(squared, weights=weight))
    if mean == 0.0:
        return np.zeros(len(target))
    parts: Floats = (squared - mean) / (2.0 * math.sqrt(mean))
    return parts


def _mean_error(parts: Floats, weight: Floats) -> float:
    """The standard error of the weighted mean of independent parts; infinite for fewer than two of them."""
    count = int(np.count_nonzero(weight))
    if count < 2:
        return math.inf
    centered = parts - np.average(parts, weights=weight)
    variance = count / (count - 1) * float(np.sum((weight * centered) ** 2)) / float(weight.sum()) ** 2
    return math.sqrt(variance)


_STANDARD_ERRORS = {"roc_auc": _roc_auc_error, "log_loss": _log_loss_error, "rmse": _rmse_error}
