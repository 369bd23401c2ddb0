"""What every metric of a task is made of, from rows that are in memory: no database has to read them.

The tests hold them to their definition in SQL, to the last bit and in both engines: the same terms, the same bounds,
the same additions in two parts (:mod:`sqlml.measure.exact`), and the logarithm of the C library that engines call too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.measure.binary import bins
from sqlml.measure.exact import EPSILON, LARGEST, SMALLEST

Floats = NDArray[np.float64]
Sums = dict[str, float | None]
"""By name a sum; None where there is no row that counts, or one that cannot be measured."""

_MOST = 2.0**11
"""At least twice the sum of a share over all classes, of which there are at most 1,000."""

_BINARY = ("weight", "positive", "negative", "true_positive", "false_positive", "correct", "squared", "confidence")
_BINARY_SUMS = (*_BINARY, "gain", "loss", "pairs", "gap")
_MULTICLASS_SUMS = ("weight", "correct", "loss", "precision", "recall", "f1")
_REGRESSION_SUMS = ("weight", "absolute", "squared", "spread")


def sums_of(task: str, columns: Mapping[str, Floats]) -> Sums:
    """The sums of a task over rows: ``columns`` are float64 of shape (n,).

    binary: ``truth`` (1 for the positive class, else 0), ``score`` (probability of the positive class), ``weight``;
    multiclass: ``truth`` and ``label`` (codes of the true and the predicted class), ``truth_score`` (probability given
    to the true class), ``weight``; regression: ``truth``, ``score``, ``weight``.

    >>> sums_of("regression", {"truth": np.array([1.0, 2]), "score": np.array([1.0, 4]), "weight": np.ones(2)})
    {'weight': 2.0, 'absolute': 2.0, 'squared': 4.0, 'spread': 0.5}
    """
    return _TASKS[task](columns)


def _binary(columns: Mapping[str, Floats]) -> Sums:
    truth, score, weight = columns["truth"], columns["score"], columns["weight"]
    sound = ((truth == 0) | (truth == 1)).all() and _all_within(score, 0, 1)
    heavy = weight >= SMALLEST
    if not (sound and _all_within(weight, 0, LARGEST) and heavy.any()):
        return dict.fromkeys(_BINARY_SUMS)
    bound = _bound(weight)
    if not heavy.all():
        truth, score, weight = truth[heavy], score[heavy], weight[heavy]
    score, terms = _binary_terms(truth, score, weight, bound)
    edges = np.array([high for _, _, high in bins()[:-1]])
    place = np.searchsorted(edges, score, side="right")
    limits = {"pairs": bound * bound}
    by_bin = {name: _sums_by(place, term, limits.get(name, bound)) for name, term in terms.items()}
    found: Sums = {name: _exact_sum(by_bin[name], limits.get(name, bound)) for name in by_bin}
    found["gap"] = _exact_sum(np.abs(by_bin["confidence"] - by_bin["positive"]), bound)
    return {name: found[name] for name in _BINARY_SUMS}


def _binary_terms(truth: Floats, score: Floats, weight: Floats, bound: float) -> tuple[Floats, dict[str, Floats]]:
    """The distinct scores, the highest first, and what each of them adds to the sums."""
    score, parts = _by_score(truth, score, weight, bound)
    positive, negative = (parts[f"{side}_coarse"] + parts[f"{side}_fine"] for side in ("positive", "negative"))
    above = {side: np.cumsum(parts[f"{side}_coarse"]) + np.cumsum(parts[f"{side}_fine"]) for side in _SIDES}
    chance = _flushed(score)
    says_positive = score > 0.5
    gains = positive * _log(_clipped(chance)) + negative * _log(_clipped(1 - chance))
    return score, {
        "weight": positive + negative,
        "positive": positive,
        "negative": negative,
        "true_positive": np.where(says_positive, positive, 0.0),
        "false_positive": np.where(says_positive, negative, 0.0),
        "correct": np.where(says_positive, positive, negative),
        "squared": positive * (1 - chance) * (1 - chance) + negative * chance * chance,
        "confidence": (positive + negative) * chance,
        "gain": positive * above["positive"] / (above["positive"] + above["negative"]),
        "loss": -gains,
        "pairs": negative * (above["positive"] - positive / 2),
    }


_SIDES = {"positive": 1, "negative": 0}


def _by_score(truth: Floats, score: Floats, weight: Floats, bound: float) -> tuple[Floats, dict[str, Floats]]:
    """The distinct scores, the highest first, with the two parts of the weight of each class."""
    order = np.argsort(-score)
    truth, score, weight = truth[order], score[order], weight[order]
    first = np.flatnonzero(np.concatenate([[True], score[1:] != score[:-1]]))
    coarse = _coarse(weight, bound)
    fine = weight - coarse
    parts = {}
    for side, code in _SIDES.items():
        of_class = truth == code
        parts[f"{side}_coarse"] = np.add.reduceat(np.where(of_class, coarse, 0.0), first)
        parts[f"{side}_fine"] = np.add.reduceat(np.where(of_class, fine, 0.0), first)
    return score[first], parts


def _multiclass(columns: Mapping[str, Floats]) -> Sums:
    weight = columns["weight"]
    if not (len(weight) and _all_within(columns["truth_score"], 0, 1) and _all_within(weight, 0, LARGEST)):
        return dict.fromkeys(_MULTICLASS_SUMS)
    bound = _bound(weight)
    weight = _flushed(weight)
    loss = -weight * _log(_clipped(columns["truth_score"]))
    pair = np.stack([columns["truth"], columns["label"]])
    (truth, label), place = np.unique(pair, axis=1, return_inverse=True)
    weights, losses = (_sums_by(place.reshape(-1), values, bound) for values in (weight, loss))
    hits = np.where(truth == label, weights, 0.0)
    found: Sums = {
        "weight": _exact_sum(weights, bound),
        "correct": _exact_sum(hits, bound),
        "loss": _exact_sum(losses, bound),
    }
    return found | _macro(truth, label, weights, hits, bound)


def _macro(truth: Floats, label: Floats, weight: Floats, hit: Floats, bound: float) -> Sums:
    """The means over classes, from the weights of pairs of a true and a predicted class."""
    none = np.zeros(len(weight))
    place = np.unique(np.concatenate([truth, label]), return_inverse=True)[1].reshape(-1)
    sides = {"actual": (weight, none), "predicted": (none, weight), "hit": (hit, none)}
    actual, predicted, hits = (_sums_by(place, np.concatenate(side), bound) for side in sides.values())
    shares = {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, actual),
        "f1": _ratio(2 * hits, actual + predicted),
    }
    return {name: _exact_sum(share, _MOST) / len(share) for name, share in shares.items()}


def _regression(columns: Mapping[str, Floats]) -> Sums:
    truth, score, weight = columns["truth"], columns["score"], columns["weight"]
    sound = _all_within(truth, -LARGEST, LARGEST) and _all_within(score, -LARGEST, LARGEST)
    heavy = weight >= SMALLEST
    if not (sound and _all_within(weight, 0, LARGEST) and heavy.any()):
        return dict.fromkeys(_REGRESSION_SUMS)
    error, weight = _flushed(np.abs(truth - score))[heavy], weight[heavy]
    truth = np.where(np.abs(truth) <= SMALLEST, 0.0, truth)[heavy]
    terms = {
        "weight": weight,
        "absolute": weight * error,
        "squared": weight * error * error,
        "level": weight * truth,
    }
    limits = {name: 2.0 * len(weight) * float(np.abs(term).max()) for name, term in terms.items()}
    found: Sums = {name: _exact_sum(term, limits[name]) for name, term in terms.items()}
    level, total = found.pop("level"), found["weight"]
    return found | {"spread": _spread(truth, weight, (level or 0.0) / (total or 1.0), limits["weight"])}


def _spread(truth: Floats, weight: Floats, mean: float, bound: float) -> float:
    """The sum of squared distances from the mean; exactly 0 where all values are the same."""
    low, high = float(truth.min()), float(truth.max())
    if low == high:
        return 0.0
    distance = _flushed(np.abs(truth - mean))
    return _exact_sum(weight * distance * distance, bound * (high - low) * (high - low))


_TASKS: dict[str, Callable[[Mapping[str, Floats]], Sums]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
}


def _all_within(values: Floats, low: float, high: float) -> bool:
    """Whether all values lie in a closed range; NaN does not."""
    return bool(((values >= low) & (values <= high)).all())


def _bound(weight: Floats) -> float:
    """See :func:`sqlml.measure.given.bound`."""
    return 128 * len(weight) * min(float(weight.max()), LARGEST)


def _coarse(values: Floats, bound: float) -> Floats:
    """See :func:`sqlml.measure.exact.coarse`."""
    return (values + bound) - bound


def _exact_sum(values: Floats, bound: float) -> float:
    """See :func:`sqlml.measure.exact.exact_sum`."""
    coarse = _coarse(values, bound)
    return float(coarse.sum() + (values - coarse).sum())


def _sums_by(place: NDArray[np.int64], values: Floats, bound: float) -> Floats:
    """:func:`_exact_sum` of the values at each place that there is."""
    coarse = _coarse(values, bound)
    sums = np.asarray(np.bincount(place, coarse) + np.bincount(place, values - coarse), dtype=np.float64)
    return sums[np.bincount(place) > 0]


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)


def _clipped(chance: Floats) -> Floats:
    return np.clip(chance, EPSILON, 1 - EPSILON)


def _flushed(values: Floats) -> Floats:
    return np.where(values < SMALLEST, 0.0, values)


def _log(values: Floats) -> Floats:
    """The C library's logarithm; numpy's own can differ from it in the last bit."""
    return np.asarray(pc.ln(pa.array(values)).to_numpy())
