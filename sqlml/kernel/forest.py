"""What both ways of scoring trees need to know about a sum of them. Knows no numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlml.spec import Tree, Trees

WIDEST_TREE = 1024
"""Leaves above which masks are no faster than walking. Beyond 2,048 one byte could not number the bytes of a mask."""

LARGEST_LOOKUPS = 64 * 2**20
"""Bytes of lookup tables, which grow with the categories of a feature, above which trees are walked instead."""


def fits_masks(trees: Trees) -> bool:
    """Whether masks can be used, and are expected to be faster than walking the trees."""
    if max(len(tree.leaf) for tree in trees.trees) > WIDEST_TREE:
        return False
    known: dict[int, int] = {}
    touched: dict[int, int] = {}
    for tree in trees.trees:
        sets = [(feature, codes) for feature, codes in zip(tree.feature, tree.categories, strict=True) if codes]
        for feature, codes in sets:
            known[feature] = max(known.get(feature, 0), max(codes) + 1)
        for feature in {feature for feature, _ in sets}:
            touched[feature] = touched.get(feature, 0) + len(tree.leaf) // 8 + 1
    return sum((known[feature] + 2) * touched[feature] for feature in known) <= LARGEST_LOOKUPS


def left_to_right(tree: Tree) -> tuple[list[int], list[int], list[int]]:
    """For each node the first leaf below it and the first below its right child, and for each leaf its place.

    Leaves are counted from left to right, so that the two numbers enclose what lies below the left child.
    """
    leaves = [0] * len(tree.feature)
    for node in reversed(range(len(leaves))):
        leaves[node] = sum(leaves[child] if child >= 0 else 1 for child in (tree.left[node], tree.right[node]))
    start, stop, place = [0] * len(leaves), [0] * len(leaves), [0] * len(tree.leaf)
    for node, left in enumerate(tree.left):
        stop[node] = start[node] + (leaves[left] if left >= 0 else 1)
        for child, first in ((left, start[node]), (tree.right[node], stop[node])):
            if child >= 0:
                start[child] = first
            else:
                place[-child - 1] = first
    return start, stop, place


def joined(trees: Trees, name: str, dtype: Any) -> NDArray[Any]:
    """One of the arrays of ``spec.Tree``, of all trees one after the other."""
    return np.array([value for tree in trees.trees for value in getattr(tree, name)], dtype=dtype)
