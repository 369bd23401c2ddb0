"""Raw scores of linear and constant models, in the order of additions that ``spec.Linear`` documents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sqlml.spec import CategoryTerm, Constant, Linear, NumericTerm

Doubles = NDArray[np.float64]


def constant_scores(estimator: Constant, matrix: Doubles) -> Doubles:
    """The same values for every row, shape (n, outputs)."""
    return np.tile(np.array(estimator.values, dtype=np.float64), (len(matrix), 1))


def linear_scores(estimator: Linear, matrix: Doubles) -> Doubles:
    """Intercepts plus one term after the other, shape (n, outputs).

    Every product is rounded before it is added: a fused multiply-add, or a library's dot product, would give other
    last bits than SQL.
    """
    raw = np.tile(np.array(estimator.intercepts, dtype=np.float64), (len(matrix), 1))
    with np.errstate(over="ignore", invalid="ignore"):
        for term in estimator.terms:
            raw += _contribution(term, matrix[:, term.feature])
    return raw


def _contribution(term: NumericTerm | CategoryTerm, values: Doubles) -> Doubles:
    """What a term adds to every row, shape (n, outputs)."""
    if isinstance(term, NumericTerm):
        return np.multiply.outer(values, np.array(term.coefficients, dtype=np.float64))
    known = (values >= 0) & (values < len(term.weights))
    weights = np.array([*term.weights, term.missing], dtype=np.float64)
    return np.asarray(weights[np.where(known, values, len(term.weights)).astype(np.intp)])
