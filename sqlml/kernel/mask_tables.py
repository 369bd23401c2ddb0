"""What :mod:`sqlml.kernel.masks` reads: the nodes of trees turned into bins, clears and lookups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqlml.kernel.forest import fits_masks, joined, left_to_right
from sqlml.kernel.masks import Bins, Bytes, Clears, Doubles, Integers, Lookups, MaskTables
from sqlml.spec import Trees

GROUP = 255
"""Thresholds whose count fits one byte."""


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
        The trees are too large, see :func:`sqlml.kernel.forest.fits_masks`.
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
