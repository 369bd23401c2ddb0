"""Trees walked node by node, as they are written: for few rows, and for trees too wide for bit masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sqlml.kernel.forest import joined
from sqlml.kernel.native import part_of_native, scores_matrix
from sqlml.spec import Trees

BLOCK = 256
"""Rows that a tree is walked for before the next tree, so that the tree stays in the cache."""

Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]


class WalkTables(NamedTuple):
    """All nodes of all trees in one set of arrays, one entry per node, and all leaves in ``leaf``.

    A child below 0 is the leaf ``-child - 1``; so is the root of a tree of one leaf. The codes that go left at a
    categorical node are the set bits of ``codes[codes_from[node]:]``, of which those below ``codes_below[node]`` are
    its own; ``codes_below`` is -1 at a numeric node.
    """

    root: Integers
    feature: Integers
    threshold: Doubles
    missing_left: NDArray[np.bool_]
    left: Integers
    right: Integers
    codes_from: NDArray[np.int64]
    codes_below: Integers
    codes: NDArray[np.uint32]
    leaf: Doubles


def walk_tables(trees: Trees) -> WalkTables:
    """The tables for :func:`walk`."""
    inner = np.array([len(tree.feature) for tree in trees.trees])
    first_node = np.cumsum(inner) - inner
    first_leaf = first_node + np.arange(len(inner))
    codes_from, codes_below, codes = _bits([codes for tree in trees.trees for codes in tree.categories])

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
        codes_from=codes_from,
        codes_below=codes_below,
        codes=codes,
        leaf=joined(trees, "leaf", np.float64),
    )


def _bits(sets: Sequence[tuple[int, ...] | None]) -> tuple[NDArray[np.int64], Integers, NDArray[np.uint32]]:
    """Sets of codes as bits, one after the other: where each begins, one more than its largest code, and the bits."""
    below = np.array([-1 if codes is None else max(codes, default=-1) + 1 for codes in sets], dtype=np.int32)
    words = np.maximum(below.astype(np.int64) + 31, 0) // 32
    start = np.cumsum(words) - words
    bits = np.zeros(int(words.sum()), dtype=np.uint32)
    for first, codes in zip(start.tolist(), sets, strict=True):
        for code in codes or ():
            bits[first + code // 32] |= np.uint32(1 << code % 32)
    return start, below, bits


@part_of_native
def _code(value: float, below: int) -> int:
    """The code that a value is, if it is one below a limit, else -1."""
    return int(value) if 0 <= value < below and value == np.floor(value) else -1


@scores_matrix(WalkTables)
def walk(matrix: Doubles, raw: Doubles, tables: WalkTables) -> None:
    """Fill ``raw`` of shape (n, outputs) with the sums of leaves for ``matrix`` of shape (n, features)."""
    raw[:] = 0.0
    for start in range(0, matrix.shape[0], BLOCK):
        for tree in range(tables.root.size):
            output = tree % raw.shape[1]
            for row in range(start, min(start + BLOCK, matrix.shape[0])):
                node = tables.root[tree]
                while node >= 0:
                    value, below = matrix[row, tables.feature[node]], tables.codes_below[node]
                    if np.isnan(value):
                        goes_left = tables.missing_left[node]
                    elif below < 0:
                        goes_left = value <= tables.threshold[node]
                    else:
                        code = _code(value, below)
                        word = tables.codes_from[node] + code // 32
                        goes_left = code >= 0 and bool(tables.codes[word] >> (code % 32) & 1)
                    node = tables.left[node] if goes_left else tables.right[node]
                raw[row, output] += tables.leaf[-node - 1]
