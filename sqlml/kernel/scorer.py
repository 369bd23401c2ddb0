"""A model made ready to score: matrices of features in, raw scores and outputs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import FeatureMismatch
from sqlml.kernel.encode import Values, encode
from sqlml.kernel.forest import fits_masks
from sqlml.kernel.linear import constant_scores, linear_scores
from sqlml.kernel.links import LINKS, labels, probabilities
from sqlml.spec import Constant, Linear, Model, Trees

__all__ = ["Scorer", "labels", "probabilities", "scorer"]

Doubles = NDArray[np.float64]

WALKED_ROWS = 32
"""Below this many rows, walking the trees is faster than filling a whole block of masks."""

ROWS_PER_THREAD = 32_768
"""Fewer rows are not worth a thread of their own."""


@dataclass(frozen=True, eq=False)
class Scorer:
    """A model and the function that scores a matrix of its features; safe to share between threads."""

    model: Model
    score: Callable[[Doubles], Doubles]

    def raw(self, matrix: Doubles, threads: int = 1) -> Doubles:
        """Raw scores, float64 of shape (n, outputs), of ``matrix``, float64 of shape (n, features), NaN for missing.

        With more ``threads``, many rows of a sum of trees are split over them; the scores are the same. One is the
        default because an engine calls from threads of its own, and a database server must not be given any.

        Raises
        ------
        FeatureMismatch
            The matrix has another number of columns than the model has features.
        """
        matrix = np.require(matrix, np.float64, ["ALIGNED"])
        if matrix.ndim != 2 or matrix.shape[1] != len(self.model.features):
            raise FeatureMismatch(f"a matrix of shape (n, {len(self.model.features)}) is wanted, not {matrix.shape}")
        parts = min(threads, len(matrix) // ROWS_PER_THREAD)
        if parts < 2 or not isinstance(self.model.estimator, Trees):
            return self.score(matrix)
        with ThreadPoolExecutor(parts) as pool:
            return np.concatenate(list(pool.map(self.score, np.array_split(matrix, parts))))

    def output(self, raw: Doubles) -> Doubles:
        """Outputs from raw scores, both float64 of shape (n, outputs), by the link of the model."""
        return LINKS[self.model.link](raw)

    def raw_rows(self, columns: Mapping[str, Values]) -> Doubles:
        """Raw scores of rows given as columns by the names of the model, float64 of shape (n, outputs).

        Raises
        ------
        FeatureMismatch
            A column is missing, not of its kind, or of another length.
        """
        return self.raw(encode(self.model.features, columns))


def scorer(model: Model) -> Scorer:
    """Build the tables of a model once.

    >>> model = Model("regression", (), (), Constant((2.5,)), "identity")
    >>> scorer(model).raw(np.empty((2, 0))).tolist()
    [[2.5], [2.5]]
    """
    estimator = model.estimator
    if isinstance(estimator, Constant):
        return Scorer(model, partial(constant_scores, estimator))
    if isinstance(estimator, Linear):
        return Scorer(model, partial(linear_scores, estimator))
    return Scorer(model, _trees_scores(estimator))


def _trees_scores(trees: Trees) -> Callable[[Doubles], Doubles]:
    """The function that scores a sum of trees: by masks where there are rows enough, else by walking.

    What imports numba is imported here and not above, and what masks need only when rows enough are there.
    """
    from sqlml.kernel.walk import walk, walk_tables

    to_walk = walk_tables(trees)
    maskable = fits_masks(trees)

    @cache
    def by_masks() -> Callable[[Doubles, Doubles], None]:
        from sqlml.kernel.mask_tables import mask_tables
        from sqlml.kernel.masks import masks

        tables = mask_tables(trees)
        return lambda matrix, raw: masks(matrix, raw, tables)

    def score(matrix: Doubles) -> Doubles:
        raw = np.empty((len(matrix), trees.outputs))
        if maskable and len(matrix) >= WALKED_ROWS:
            by_masks()(matrix, raw)
        else:
            walk(matrix, raw, to_walk)
        return raw

    return score
