"""Trees as bit masks over blocks of rows: no tree is walked, and one instruction serves many rows.

The method is QuickScorer (Lucchese et al., SIGIR 2015) in the byte-wise form of RapidScorer (Ye et al., KDD 2018).
The leaves of a tree are numbered from left to right, and every row has one bit per leaf. A node at which the row
goes right clears the bits of the leaves to its left; the lowest bit that is left is the leaf that the row reaches,
in whatever order the nodes are looked at.

- *Bins*: of a number only the count of the feature's distinct thresholds below it matters. It is found once per
  row and kept in bytes, in groups of 255 thresholds. A missing value counts as below all thresholds for the nodes
  that send it left and as above all for the others, so that a feature has up to two columns for each group.
- *Clears*: a numeric node becomes one entry per byte of the mask that it touches: ``mask &= keep`` where its
  column is above its limit.
- *Lookups*: the categorical nodes of one feature in one tree become tables from code to what is kept of a byte.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sqlml.kernel.native import part_of_native, scores_matrix

BLOCK = 256
"""Rows that are scored together; the loops over them have a fixed length, so that they become vector instructions."""

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int32]
Doubles = NDArray[np.float64]
Counts = NDArray[np.uint32]


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


@part_of_native
def _step_up(below: Counts, half: np.uint32, edges: Doubles, values: Doubles) -> None:
    """One step of the binary search of all rows: where ``half`` more edges are below the value, count them."""
    for row in range(BLOCK):
        count = below[row]
        below[row] = count + half if edges[count + half - np.uint32(1)] < values[row] else count


@part_of_native
def _fill_column(column: Bytes, values: Doubles, below: Counts, skipped: int, missing: int) -> None:
    """The bins of one column: counts of thresholds, or what stands for a missing value."""
    for row in range(BLOCK):
        rank = np.int32(np.int32(below[row]) - skipped)
        rank = min(max(rank, np.int32(0)), np.int32(255))
        column[row] = missing if np.isnan(values[row]) else np.uint8(rank)


@part_of_native
def _fill_bins(matrix: Doubles, start: int, rows: int, bins: Bins, values: Doubles, below: Counts, to: Bytes) -> None:
    """All columns of bins of one block."""
    column = 0
    for entry in range(bins.feature.size):
        for row in range(rows):
            values[row] = matrix[start + row, bins.feature[entry]]
        below[:] = 0
        edges = bins.edges[bins.edges_from[entry] :]
        for step in range(bins.steps[entry] - 1, -1, -1):
            _step_up(below, np.uint32(1 << step), edges, values)
        while column < bins.columns_to[entry]:
            _fill_column(to[column], values, below, bins.skipped[column], bins.missing[column])
            column += 1


@part_of_native
def _fill_codes(matrix: Doubles, start: int, rows: int, lookups: Lookups, codes: Integers) -> None:
    """All columns of codes of one block; a number that is no code of a node counts as one that none names."""
    for column in range(lookups.feature.size):
        known = lookups.known[column]
        for row in range(rows):
            value = matrix[start + row, lookups.feature[column]]
            if np.isnan(value):
                codes[column, row] = known + 1
            elif 0 <= value < known and value == np.floor(value):
                codes[column, row] = np.int32(value)
            else:
                codes[column, row] = known


@part_of_native
def _clear(mask: Bytes, column: Bytes, limit: int, keep: int) -> None:
    for row in range(BLOCK):
        mask[row] &= keep if column[row] > limit else np.uint8(255)


@part_of_native
def _look_up(mask: Bytes, codes: Integers, keep: Bytes) -> None:
    for row in range(BLOCK):
        mask[row] &= keep[codes[row]]


@part_of_native
def _first_set(mask: Bytes, number: np.uint8, chosen: Bytes, chosen_number: Bytes) -> None:
    """Choose this byte of the mask where any bit of it is set."""
    for row in range(BLOCK):
        byte, before, number_before = mask[row], chosen[row], chosen_number[row]
        chosen[row] = byte if byte else before
        chosen_number[row] = number if byte else number_before


@part_of_native
def _lowest_bit(chosen: Bytes, chosen_number: Bytes, leaf: NDArray[np.uint16]) -> None:
    """The number of the leaf from the number of a byte and its lowest set bit, found by halving."""
    for row in range(BLOCK):
        bit = chosen[row] & (np.uint8(0) - chosen[row])
        place = np.uint8(1) if bit & np.uint8(0b10101010) else np.uint8(0)
        place |= np.uint8(2) if bit & np.uint8(0b11001100) else np.uint8(0)
        place |= np.uint8(4) if bit & np.uint8(0b11110000) else np.uint8(0)
        leaf[row] = np.uint16(chosen_number[row]) * np.uint16(8) + np.uint16(place)


@part_of_native
def _add_leaves(total: Doubles, leaves: Doubles, leaf: NDArray[np.uint16]) -> None:
    for row in range(BLOCK):
        total[row] += leaves[leaf[row]]


@part_of_native
def _clear_all(mask: Bytes, bins: Bytes, clears: Clears, start: int, stop: int) -> None:
    for entry in range(start, stop):
        _clear(mask[clears.byte[entry]], bins[clears.column[entry]], clears.limit[entry], clears.keep[entry])


@part_of_native
def _look_up_all(mask: Bytes, codes: Integers, lookups: Lookups, start: int, stop: int) -> None:
    for entry in range(start, stop):
        keep = lookups.keep[lookups.keep_from[entry] :]
        _look_up(mask[lookups.byte[entry]], codes[lookups.column[entry]], keep)


@part_of_native
def _add_trees(total: Doubles, bins: Bytes, codes: Integers, mask: Bytes, tables: MaskTables) -> None:
    """Add the leaf of every tree, in the order of trees, to ``total`` of shape (outputs, BLOCK)."""
    chosen, chosen_number = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8)
    leaf = np.empty(BLOCK, np.uint16)
    cleared, looked_up, leaves = 0, 0, 0
    for tree in range(tables.leaf_to.size):
        size = (tables.leaf_to[tree] - leaves + 7) // 8
        mask[:size] = 255
        _clear_all(mask, bins, tables.clears, cleared, tables.clears.to[tree])
        _look_up_all(mask, codes, tables.lookups, looked_up, tables.lookups.to[tree])
        for number in range(size - 1, -1, -1):
            _first_set(mask[number], np.uint8(number), chosen, chosen_number)
        _lowest_bit(chosen, chosen_number, leaf)
        _add_leaves(total[tree % total.shape[0]], tables.leaf[leaves:], leaf)
        cleared, looked_up, leaves = tables.clears.to[tree], tables.lookups.to[tree], tables.leaf_to[tree]


@part_of_native
def _most_bytes(leaf_to: Integers) -> int:
    """The bytes of the widest mask."""
    leaves, most = 0, 0
    for tree in range(leaf_to.size):
        most = max(most, (leaf_to[tree] - leaves + 7) // 8)
        leaves = leaf_to[tree]
    return most


@scores_matrix(MaskTables)
def masks(matrix: Doubles, raw: Doubles, tables: MaskTables) -> None:
    """Fill ``raw`` of shape (n, outputs) with the sums of leaves for ``matrix`` of shape (n, features)."""
    bins = np.zeros((tables.bins.skipped.size, BLOCK), np.uint8)
    codes = np.zeros((tables.lookups.feature.size, BLOCK), np.int32)
    mask = np.empty((_most_bytes(tables.leaf_to), BLOCK), np.uint8)
    total = np.empty((raw.shape[1], BLOCK))
    values, below = np.zeros(BLOCK), np.empty(BLOCK, np.uint32)
    for start in range(0, matrix.shape[0], BLOCK):
        rows = min(BLOCK, matrix.shape[0] - start)
        _fill_bins(matrix, start, rows, tables.bins, values, below, bins)
        _fill_codes(matrix, start, rows, tables.lookups, codes)
        total[:] = 0.0
        _add_trees(total, bins, codes, mask, tables)
        for row in range(rows):
            for output in range(raw.shape[1]):
                raw[start + row, output] = total[output, row]
