"""Which rows a model is fitted on and which ones test it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.digest import seeded
from sqlml.fit.names import unknown_name
from sqlml.fit.rows import Rows

METHODS = ("auto", "time", "group", "random")
MIN_SIDE = 5
"""Rows that each side needs at least."""


def split_rows(rows: Rows, method: str, test_size: float, seed: int) -> tuple[Rows, Rows]:
    """Split rows into (train, test), each in ascending order of digest.

    ``random`` takes per class (of a regression: of all rows) the ``test_size`` share with the lowest seeded
    hash of the key, so that a row stays on its side whatever columns are learned from; without a key column, of the
    row's values, so that equal rows stay on one side. The order of rows has no say, and rows that join the relation
    later leave nearly all others on their side. ``time`` takes the latest rows, those of equal time on
    one side. ``group`` takes whole groups by the seeded hash of the group. Where equal times or groups do not
    let the share come out, it is the nearest one possible. ``auto`` is ``time`` where there is a time column,
    else ``group`` where there is a group column, else ``random``.

    Raises
    ------
    InvalidArgument
        The method is unknown or its column is missing, or ``test_size`` is not between 0 and 1.
    InvalidData
        A side would be too small, the training side would lack a class, or the test side would have one only.
    """
    method = split_method(rows, method)
    if isinstance(test_size, bool) or not isinstance(test_size, (int, float)) or not 0 < test_size < 1:
        raise InvalidArgument(f"test_size must be a number between 0 and 1, both excluded; got {test_size!r}")
    if method == "time" and rows.time is not None:
        in_test = _latest(rows.time, test_size)
    elif method == "group" and rows.group is not None:
        in_test = _whole_groups(rows.group, test_size, seed)
    else:
        in_test = _stratified(rows, test_size, seed)
    train, test = rows.take(np.flatnonzero(~in_test)), rows.take(np.flatnonzero(in_test))
    _check_sides(train, test, method)
    return train, test


def split_method(rows: Rows, method: str) -> str:
    """``time``, ``group`` or ``random``: what ``auto`` means for these rows; see :func:`split_rows`."""
    if method not in METHODS:
        raise InvalidArgument(f"split {method!r} is unknown; {unknown_name(method, METHODS)}")
    if method == "auto":
        return "time" if rows.time is not None else "group" if rows.group is not None else "random"
    if (method == "time" and rows.time is None) or (method == "group" and rows.group is None):
        raise InvalidArgument(f"split {method!r} needs {method}_column; name that column, or take split 'random'")
    return method


def _stratified(rows: Rows, test_size: float, seed: int) -> NDArray[np.bool_]:
    order = seeded(rows.digest if rows.key is None else rows.key, seed)
    in_test = np.zeros(len(rows), dtype=bool)
    strata = rows.target if rows.classes else np.zeros(len(rows))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        in_test[members] = _lowest(order[members], test_size)
    return in_test


def _lowest(values: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """The rows with the lowest values, about ``share`` of all; equal values are all in or all out."""
    distinct, counts = np.unique(values, return_counts=True)
    taken = _prefix(counts, share)
    if not taken:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(values <= distinct[taken - 1])


def _latest(time: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """The rows with the highest times, about ``share`` of all; equal times are all in or all out."""
    distinct, counts = np.unique(time, return_counts=True)
    if len(distinct) < 2:
        raise InvalidData("all rows have the same time, so there is no later part to test on; take split 'random'")
    return np.asarray(time >= distinct[len(distinct) - _prefix(counts[::-1], share)])


def _whole_groups(group: NDArray[np.uint64], share: float, seed: int) -> NDArray[np.bool_]:
    hashed = seeded(group, seed)
    if (hashed == hashed[0]).all():
        raise InvalidData("all rows are of one group, so none is left to test on; take split 'random'")
    return _lowest(hashed, share)


def _prefix(counts: NDArray[np.int64], share: float) -> int:
    """How many of the first entries sum up nearest to ``share`` of all; not none and not all, if there are two."""
    if len(counts) < 2:
        return 0
    sums = np.cumsum(counts)
    return int(np.argmin(np.abs(sums[:-1] - share * sums[-1]))) + 1


def _check_sides(train: Rows, test: Rows, method: str) -> None:
    remedy = "change test_size" + ("" if method == "random" else ", take split 'random'") + ", or bring more rows"
    for name, side in (("training", train), ("test", test)):
        if len(side) < MIN_SIDE:
            raise InvalidData(
                f"split {method!r} leaves {len(side)} rows on the {name} side ({len(train)} training, {len(test)} "
                f"test); each needs {MIN_SIDE}: {remedy}"
            )
        if side.weight is not None and not side.weight.any():
            raise InvalidData(f"split {method!r} leaves only rows of weight 0 on the {name} side; {remedy}")
    trained, tested = np.unique(train.target), np.unique(test.target)
    lacking = sorted(set(range(len(train.classes))) - {int(code) for code in trained})
    if lacking:
        names = ", ".join(repr(train.classes[code]) for code in lacking[:5])
        raise InvalidData(f"split {method!r} leaves the training side without class {names}; {remedy} of it")
    if train.classes and len(tested) < 2:
        raise InvalidData(
            f"split {method!r} leaves the test side with class {train.classes[int(tested[0])]!r} only, so no metric "
            f"can be computed; {remedy} of the other classes"
        )
