"""The matrix that a linear model is fitted on, and the way back from its coefficients to terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import InvalidData
from sqlml.fit.preprocess import Prepared
from sqlml.fit.rows import Rows
from sqlml.spec import CategoryTerm, Column, Feature, Linear, NumericTerm

SPARSE_FROM = 100
"""Columns of levels from which on the matrix is sparse."""


@dataclass(frozen=True)
class Block:
    """The columns ``start`` to ``stop`` of the matrix that belong to one feature.

    A number has one. A category has one per level; ``codes`` are the levels of the training rows, ``missing``
    the level that a missing category takes, or None where it takes none. ``spread`` is the standard deviation
    of a number over the training rows.
    """

    start: int
    stop: int
    codes: NDArray[np.int64] | None = None
    missing: int | None = None
    spread: float = 0.0


@dataclass(frozen=True)
class Design:
    """``matrix`` (n, columns), dense or sparse, the features of the model, and the block of each of them."""

    matrix: Any
    sparse: bool
    features: tuple[Feature, ...]
    blocks: tuple[Block, ...]


def design_of(rows: Rows, prepared: Prepared) -> Design:
    """Numbers as they are, categories as one column per level; sparse from :data:`SPARSE_FROM` levels on.

    Raises
    ------
    InvalidData
        A column has infinite values.
    """
    values = rows.matrix(prepared.features)
    _refuse_infinite(prepared, values)
    blocks: list[Block] = []
    for position, feature in enumerate(prepared.features):
        start = blocks[-1].stop if blocks else 0
        if prepared.categorical[position]:
            blocks.append(_levels(feature, values[:, position], start))
        else:
            blocks.append(Block(start, start + 1, spread=float(values[:, position].std())))
    # A linear term takes categories as they are: the imputed one is in the weights of its missing level.
    features = tuple(
        replace(feature, impute=None) if unordered else feature
        for feature, unordered in zip(prepared.features, prepared.categorical, strict=True)
    )
    levels = sum(block.stop - block.start for block in blocks if block.codes is not None)
    sparse = levels >= SPARSE_FROM
    matrix = _sparse_matrix(values, blocks) if sparse else _dense_matrix(values, blocks)
    return Design(matrix, sparse, features, tuple(blocks))


def _refuse_infinite(prepared: Prepared, values: NDArray[np.float64]) -> None:
    for position, feature in enumerate(prepared.features):
        infinite = int(np.isinf(values[:, position]).sum())
        if infinite:
            raise InvalidData(
                f"column {feature.column!r} has {infinite} infinite values, which a linear model cannot use; "
                "turn them into NULL in the relation"
            )


def _levels(feature: Feature, values: NDArray[np.float64], start: int) -> Block:
    """A level per category, and one more for missing rows where there are any and none is imputed."""
    levels = len(feature.categories)
    if feature.impute is not None:
        return Block(start, start + levels, values.astype(np.int64), int(feature.impute))
    absent = np.isnan(values)
    codes = np.where(absent, levels, values).astype(np.int64)
    if absent.any():
        return Block(start, start + levels + 1, codes, levels)
    return Block(start, start + levels, codes, None)


def _dense_matrix(values: NDArray[np.float64], blocks: Sequence[Block]) -> NDArray[np.float64]:
    matrix = np.zeros((len(values), blocks[-1].stop if blocks else 0), order="F")
    for position, block in enumerate(blocks):
        if block.codes is None:
            matrix[:, block.start] = values[:, position]
        else:
            matrix[np.arange(len(values)), block.start + block.codes] = 1.0
    return matrix


def _sparse_matrix(values: NDArray[np.float64], blocks: Sequence[Block]) -> Any:
    """Every row has one entry per feature, so the compressed rows are laid out directly."""
    from scipy.sparse import csr_array

    count, width = values.shape
    columns = np.empty((count, width), dtype=np.int32)
    entries = np.ones((count, width))
    for position, block in enumerate(blocks):
        columns[:, position] = block.start if block.codes is None else block.start + block.codes
        if block.codes is None:
            entries[:, position] = values[:, position]
    bounds = np.arange(0, count * width + 1, width, dtype=np.int32 if count * width < 2**31 else np.int64)
    return csr_array((entries.ravel(), columns.ravel(), bounds), shape=(count, blocks[-1].stop))


def linear_of(design: Design, coefficients: NDArray[np.float64], intercepts: NDArray[np.float64]) -> Linear:
    """The estimator with one term per feature; ``coefficients`` is (outputs, columns of the matrix)."""
    rows = [tuple(column) for column in coefficients.T.tolist()]
    zero = (0.0,) * len(intercepts)
    terms: list[NumericTerm | CategoryTerm] = []
    for position, (feature, block) in enumerate(zip(design.features, design.blocks, strict=True)):
        if block.codes is None:
            terms.append(NumericTerm(position, rows[block.start]))
        else:
            levels = tuple(rows[block.start : block.start + len(feature.categories)])
            missing = zero if block.missing is None else rows[block.start + block.missing]
            terms.append(CategoryTerm(position, levels, missing))
    return Linear(tuple(intercepts.tolist()), tuple(terms))


def importance_of(columns: Sequence[Column], design: Design, estimator: Linear) -> tuple[float, ...]:
    """By column the share of the standard deviation of its features' terms over the rows, summed over outputs."""
    spread = dict.fromkeys((column.name for column in columns), 0.0)
    for feature, block, term in zip(design.features, design.blocks, estimator.terms, strict=True):
        spread[feature.column] += _spread_of(block, term)
    total = sum(spread.values())
    return tuple(value / total if total > 0.0 else 0.0 for value in spread.values())


def _spread_of(block: Block, term: NumericTerm | CategoryTerm) -> float:
    if isinstance(term, NumericTerm):
        return block.spread * float(np.abs(term.coefficients).sum())
    counts = np.bincount(np.asarray(block.codes), minlength=len(term.weights) + 1)
    weights = np.array([*term.weights, term.missing])
    share = counts / counts.sum()
    center = share @ weights
    return float(np.sqrt(share @ (weights - center) ** 2).sum())
