"""Trees walked node by node, as they are written: for few rows, and for trees too wide for bit masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sqlml.kernel.mask_tables import joined
from sqlml.kernel.native import STUMP, part_of_native, scores_matrix
from sqlml.spec import Trees

BLOCK = 256
"""Rows that a tree is walked for before the next tree, so that the tree stays in the cache."""

Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]


class WalkTables(NamedTuple):
    """All nodes of all trees in one set of arrays, one entry per node, and all leaves in ``leaf``.

    A child below 0 is the leaf ``-child - 1``; so is the root of a tree of one leaf. The codes that go left at a
    categorical node are ``codes[codes_from[node]:codes_to[node]]``, ascending; at a numeric node ``codes_from`` is -1.
    """

    root: Integers
    feature: Integers
    threshold: Doubles
    missing_left: NDArray[np.bool_]
    left: Integers
    right: Integers
    codes_from: Integers
    codes_to: Integers
    codes: Doubles
    leaf: Doubles


def walk_tables(trees: Trees) -> WalkTables:
    """The tables for :func:`walk`."""
    inner = np.array([len(tree.feature) for tree in trees.trees])
    first_node = np.cumsum(inner) - inner
    first_leaf = first_node + np.arange(len(inner))
    sets = [codes for tree in trees.trees for codes in tree.categories]
    sizes = np.array([len(codes or ()) for codes in sets], dtype=np.int32)
    codes_to = np.cumsum(sizes, dtype=np.int32)
    numeric = np.array([codes is None for codes in sets], dtype=np.bool_)

    def moved(children: Integers) -> Integers:
        to_node, to_leaf = np.repeat(first_node, inner), np.repeat(first_leaf, inner)
        return np.asarray(np.where(children >= 0, children + to_node, children - to_leaf), dtype=np.int32)

    return WalkTables(
        root=np.where(inner > 0, first_node, -first_leaf - 1).astype(np.int32),
        feature=joined(trees, "feature", np.int32),
        threshold=joined(trees, "threshold", np.float64),
        missing_left=joined(trees, "missing_left", np.bool_),
        left=moved(joined(trees, "left", np.int32)),
        right=moved(joined(trees, "right", np.int32)),
        codes_from=np.where(numeric, -1, codes_to - sizes).astype(np.int32),
        codes_to=codes_to,
        codes=np.array([code for codes in sets for code in sorted(codes or ())], dtype=np.float64),
        leaf=joined(trees, "leaf", np.float64),
    )


@part_of_native
def _is_among(value: float, codes: Doubles, start: int, stop: int) -> bool:
    """Whether a value stands in an ascending stretch of codes."""
    while start < stop:
        middle = (start + stop) // 2
        if codes[middle] < value:
            start = middle + 1
        elif codes[middle] > value:
            stop = middle
        else:
            return True
    return False


@part_of_native
def _leaf_of(row: Doubles, node: int, tables: WalkTables) -> float:
    """The leaf that a row reaches from a node."""
    while node >= 0:
        value = row[tables.feature[node]]
        if np.isnan(value):
            goes_left = tables.missing_left[node]
        elif tables.codes_from[node] < 0:
            goes_left = value <= tables.threshold[node]
        else:
            goes_left = _is_among(value, tables.codes, tables.codes_from[node], tables.codes_to[node])
        node = tables.left[node] if goes_left else tables.right[node]
    return tables.leaf[-node - 1]  # type: ignore[no-any-return]


@scores_matrix(walk_tables(STUMP))
def walk(matrix: Doubles, raw: Doubles, tables: WalkTables) -> None:
    """Fill ``raw`` of shape (n, outputs) with the sums of leaves for ``matrix`` of shape (n, features)."""
    raw[:] = 0.0
    for start in range(0, matrix.shape[0], BLOCK):
        for tree in range(tables.root.size):
            output = tree % raw.shape[1]
            for row in range(start, min(start + BLOCK, matrix.shape[0])):
                raw[row, output] += _leaf_of(matrix[row], tables.root[tree], tables)
