"""What :mod:`sqlml.kernel.masks` reads: the nodes of trees turned into bins, clears and lookups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sqlml.spec import Tree, Trees

GROUP = 255
"""Thresholds whose count fits one byte."""

WIDEST_TREE = 1024
"""Leaves above which masks are no faster than walking. Beyond 2,048 one byte could not number the bytes of a mask."""

LARGEST_LOOKUPS = 64 * 2**20
"""Bytes of lookup tables, which grow with the categories of a feature, above which trees are walked instead."""

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int32]
Doubles = NDArray[np.float64]


class Bins(NamedTuple):
    """How blocks of values become columns of bytes.

    Entry ``i`` is about ``feature[i]``. Its distinct thresholds stand in ``edges`` from ``edges_from[i]`` on, filled
    up with infinity to ``2**steps[i] - 1``. Its columns end before ``columns_to[i]``. In column ``c`` a value is
    the number of thresholds below it less ``skipped[c]``, within 0 and 255; a missing one is ``missing[c]``, 0 or 255.
    """

    feature: Integers
    edges: Doubles
    edges_from: Integers
    steps: Integers
    columns_to: Integers
    skipped: Integers
    missing: Bytes


class Clears(NamedTuple):
    """Entries of tree ``t`` end before ``to[t]``: ``byte`` of the mask becomes ``& keep`` where ``column > limit``."""

    to: Integers
    byte: Integers
    column: Integers
    limit: Bytes
    keep: Bytes


class Lookups(NamedTuple):
    """Entries of tree ``t`` end before ``to[t]``: ``byte`` of the mask becomes ``& keep[keep_from + column]``.

    Column ``c`` holds the codes of ``feature[c]``. A code that no node names counts as ``known[c]``, a missing one
    as ``known[c] + 1``.
    """

    feature: Integers
    known: Integers
    to: Integers
    byte: Integers
    column: Integers
    keep_from: NDArray[np.int64]
    keep: Bytes


class MaskTables(NamedTuple):
    """Everything about a sum of trees; the leaves of tree ``t``, from left to right, end before ``leaf_to[t]``."""

    bins: Bins
    clears: Clears
    lookups: Lookups
    leaf_to: Integers
    leaf: Doubles


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes in the order of trees; the leaves from ``start`` on and before ``stop`` lie below the left child."""

    tree: Integers
    feature: Integers
    threshold: Doubles
    missing_left: NDArray[np.bool_]
    codes: Sequence[tuple[int, ...] | None]
    start: Integers
    stop: Integers


@dataclass(frozen=True, eq=False)
class _Entries:
    """One entry per node and per byte of the mask that the node clears bits of, in the order of trees."""

    tree: Integers
    feature: Integers
    threshold: Doubles
    missing_left: NDArray[np.bool_]
    codes: Sequence[tuple[int, ...] | None]
    byte: Integers
    keep: Bytes


def mask_tables(trees: Trees) -> MaskTables:
    """The tables for :func:`sqlml.kernel.masks.masks`.

    Raises
    ------
    ValueError
        The trees are too large, see :func:`fits_masks`.
    """
    if not fits_masks(trees):
        raise ValueError("these trees are too large for masks; walk them")
    spans = [left_to_right(tree) for tree in trees.trees]
    nodes = _nodes(trees, spans)
    categorical = np.array([codes is not None for codes in nodes.codes], dtype=np.bool_)
    bins, clears = _bins_and_clears(_entries(nodes, np.flatnonzero(~categorical)), len(trees.trees))
    lookups = _lookups(_entries(nodes, np.flatnonzero(categorical)), len(trees.trees))
    sizes = np.array([len(tree.leaf) for tree in trees.trees])
    leaf_to = np.cumsum(sizes, dtype=np.int32)
    leaf = joined(trees, "leaf", np.float64)
    place = np.array([place for _, _, places in spans for place in places])
    leaf[np.repeat(leaf_to - sizes, sizes) + place] = leaf.copy()
    return MaskTables(bins, clears, lookups, leaf_to, leaf)


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


def _nodes(trees: Trees, spans: Sequence[tuple[list[int], list[int], list[int]]]) -> _Nodes:
    counts = [len(tree.feature) for tree in trees.trees]
    return _Nodes(
        tree=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        feature=joined(trees, "feature", np.int32),
        threshold=joined(trees, "threshold", np.float64),
        missing_left=joined(trees, "missing_left", np.bool_),
        codes=[codes for tree in trees.trees for codes in tree.categories],
        start=np.array([leaf for start, _, _ in spans for leaf in start], dtype=np.int32),
        stop=np.array([leaf for _, stop, _ in spans for leaf in stop], dtype=np.int32),
    )


def _entries(nodes: _Nodes, chosen: NDArray[np.intp]) -> _Entries:
    """The entries of the chosen nodes."""
    first, last = nodes.start[chosen] // 8, (nodes.stop[chosen] - 1) // 8
    touched = last - first + 1
    node = np.repeat(chosen, touched)
    byte = np.arange(len(node)) - np.repeat(np.cumsum(touched) - touched - first, touched)
    low, high = (np.clip(leaves[node] - 8 * byte, 0, 8) for leaves in (nodes.start, nodes.stop))
    return _Entries(
        tree=nodes.tree[node],
        feature=nodes.feature[node],
        threshold=nodes.threshold[node],
        missing_left=nodes.missing_left[node],
        codes=[nodes.codes[position] for position in node.tolist()],
        byte=byte.astype(np.int32),
        keep=(255 - ((1 << high) - (1 << low))).astype(np.uint8),
    )


def _ends(tree: Integers, trees: int) -> Integers:
    """Where the entries of each tree end."""
    return np.searchsorted(tree, np.arange(trees), side="right").astype(np.int32)


def _bins_and_clears(entries: _Entries, trees: int) -> tuple[Bins, Clears]:
    features = np.unique(entries.feature)
    distinct = [np.unique(entries.threshold[entries.feature == feature]) for feature in features]
    rank = np.zeros(len(entries.feature), dtype=np.int64)
    for feature, edges in zip(features, distinct, strict=True):
        own = entries.feature == feature
        rank[own] = np.searchsorted(edges, entries.threshold[own])
    groups = max(map(len, distinct), default=0) // GROUP + 1
    key = (entries.feature.astype(np.int64) * groups + rank // GROUP) * 2 + ~entries.missing_left
    columns, column = np.unique(key, return_inverse=True)
    edges, edges_from, steps = _filled_up(distinct)
    bins = Bins(
        feature=features,
        edges=edges,
        edges_from=edges_from,
        steps=steps,
        columns_to=np.searchsorted(columns // (2 * groups), features, side="right").astype(np.int32),
        skipped=(columns // 2 % groups * GROUP).astype(np.int32),
        missing=(columns % 2 * 255).astype(np.uint8),
    )
    limit = (rank % GROUP).astype(np.uint8)
    return bins, Clears(_ends(entries.tree, trees), entries.byte, column.astype(np.int32), limit, entries.keep)


def _filled_up(distinct: Sequence[Doubles]) -> tuple[Doubles, Integers, Integers]:
    """Sorted numbers filled up with infinity to one less than a power of two, where each begins, and that power."""
    steps = np.array([len(edges).bit_length() for edges in distinct], dtype=np.int32)
    starts = np.cumsum(2**steps - 1) - (2**steps - 1)
    filled = np.full(int(np.sum(2**steps - 1)), np.inf)
    for start, edges in zip(starts, distinct, strict=True):
        filled[start : start + len(edges)] = edges
    return filled, starts.astype(np.int32), steps


def _lookups(entries: _Entries, trees: int) -> Lookups:
    """One table for all nodes of a tree that clear bits of the same byte by the same feature."""
    features, column = np.unique(entries.feature, return_inverse=True)
    known = np.zeros(len(features), dtype=np.int32)
    for codes, at in zip(entries.codes, column, strict=True):
        known[at] = max(known[at], max(codes or (), default=-1) + 1)
    tables: dict[tuple[int, int, int], Bytes] = {}
    for at, codes in enumerate(entries.codes):
        key = (int(entries.tree[at]), int(column[at]), int(entries.byte[at]))
        table = tables.setdefault(key, np.full(known[column[at]] + 2, 255, dtype=np.uint8))
        goes_right = np.ones(len(table), dtype=np.bool_)
        goes_right[list(codes or ())] = False
        goes_right[-1] = not entries.missing_left[at]
        table[goes_right] &= entries.keep[at]
    tree, columns, byte = np.array(list(tables), dtype=np.int32).reshape(-1, 3).T
    sizes = np.array([len(table) for table in tables.values()], dtype=np.int64)
    return Lookups(
        feature=features,
        known=known,
        to=_ends(tree, trees),
        byte=np.ascontiguousarray(byte),
        column=np.ascontiguousarray(columns),
        keep_from=np.cumsum(sizes) - sizes,
        keep=np.concatenate([np.empty(0, dtype=np.uint8), *tables.values()]),
    )
