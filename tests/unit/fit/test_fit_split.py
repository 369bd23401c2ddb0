"""Splits: shares, strata, stability, groups, times, and what is refused."""

import re

import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.fit.split import split_method, split_rows

RANDOM = np.random.default_rng(5)


def rows_of(n=400, roles=None, **columns):
    body = {"x": RANDOM.normal(size=n), "y": np.arange(n) % 4 == 0, **columns}
    return read_rows(pa.table(body), roles or Roles("y", ("x",)))


def test_the_two_sides_are_all_rows_in_order_and_disjoint():
    rows = rows_of()
    train, test = split_rows(rows, "auto", 0.25, 42)
    assert (len(train), len(test)) == (300, 100)
    assert sorted([*train.position, *test.position]) == list(range(400))
    assert all((np.diff(side.digest.astype(object)) > 0).all() for side in (train, test))


@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5, 0.9])
def test_random_keeps_the_share_of_every_class(test_size):
    words = np.array(["a"] * 500 + ["b"] * 300 + ["c"] * 40 + ["d"] * 2)
    rows = rows_of(842, Roles("y", ("x",)), y=words)
    train, test = split_rows(rows, "random", test_size, 1)
    taken = np.bincount(test.target.astype(int), minlength=4)
    assert (np.abs(taken - test_size * np.array([500, 300, 40, 2])) <= 1).all()
    assert set(train.target) == {0, 1, 2, 3}


def test_the_order_of_rows_has_no_say():
    table = pa.table({"x": RANDOM.normal(size=300), "y": RANDOM.random(300) < 0.3})
    order = RANDOM.permutation(300)
    for seed in (1, 2):
        one = split_rows(read_rows(table, Roles("y")), "random", 0.2, seed)[1]
        two = split_rows(read_rows(table.take(order), Roles("y")), "random", 0.2, seed)[1]
        assert one.table.equals(two.table)


def test_seeds_give_different_and_independent_sides():
    rows = rows_of(2000)
    sides = [set(split_rows(rows, "random", 0.5, seed)[1].position) for seed in range(4)]
    overlaps = [len(one & two) for i, one in enumerate(sides) for two in sides[:i]]
    assert all(abs(overlap - 500) < 80 for overlap in overlaps)


def test_copies_of_a_row_stay_together():
    table = pa.table({"x": RANDOM.integers(0, 60, 600), "y": RANDOM.random(600) < 0.5})
    train, test = split_rows(read_rows(table, Roles("y")), "random", 0.25, 3)
    assert not set(train.digest) & set(test.digest)
    assert abs(len(test) - 150) <= 20


def test_most_rows_keep_their_side_when_the_relation_grows():
    table = pa.table({"x": RANDOM.normal(size=3000), "y": RANDOM.random(3000) < 0.2})
    before = split_rows(read_rows(table.slice(0, 2000), Roles("y")), "random", 0.25, 9)[1]
    after = split_rows(read_rows(table, Roles("y")), "random", 0.25, 9)[1]
    stayed = set(before.digest) & set(after.digest)
    assert len(stayed) > 0.9 * len(before)


def test_time_takes_the_latest_rows():
    rows = rows_of(400, Roles("y", ("x",), time_column="t"), t=RANDOM.permutation(400))
    train, test = split_rows(rows, "auto", 0.25, 1)
    assert len(test) == 100
    assert train.time.max() < test.time.min()


@pytest.mark.parametrize(("test_size", "expected"), [(0.1, 1), (0.3, 1), (0.49, 2), (0.6, 2), (0.99, 3)])
def test_equal_times_stay_together_and_the_nearest_share_is_taken(test_size, expected):
    days = np.repeat([1, 2, 3, 4], 100)
    rows = rows_of(400, Roles("y", ("x",), time_column="t"), t=days)
    train, test = split_rows(rows, "time", test_size, 1)
    assert sorted(set(test.time)) == sorted(set(rows.time))[-expected:]
    assert not set(train.time) & set(test.time)


def test_groups_stay_whole():
    groups = RANDOM.integers(0, 50, 2000)
    rows = rows_of(2000, Roles("y", ("x",), group_column="g"), g=groups)
    found = [split_rows(rows, "auto", 0.25, seed) for seed in range(3)]
    for train, test in found:
        assert not set(train.group) & set(test.group)
        assert abs(len(test) - 500) < 60
    assert len({frozenset(test.group) for _, test in found}) == 3


def test_a_new_row_does_not_move_its_group():
    table = pa.table({"x": range(600), "g": [i % 30 for i in range(600)], "y": [i % 7 == 0 for i in range(600)]})
    roles = Roles("y", group_column="g")
    before = split_rows(read_rows(table.slice(0, 540), roles), "group", 0.3, 1)[1]
    after = split_rows(read_rows(table, roles), "group", 0.3, 1)[1]
    assert set(before.group) == set(after.group)


def test_auto_prefers_time_to_groups():
    both = rows_of(400, Roles("y", ("x",), time_column="t", group_column="g"), t=range(400), g=np.arange(400) % 9)
    assert [split_method(both, name) for name in ("auto", "group", "random")] == ["time", "group", "random"]
    assert split_method(rows_of(), "auto") == "random"


@pytest.mark.parametrize("test_size", [0, 1, -0.5, 1.5, float("nan"), "0.2", True, None])
def test_shares_outside_of_0_and_1(test_size):
    with pytest.raises(InvalidArgument, match="test_size must be a number between 0 and 1"):
        split_rows(rows_of(), "random", test_size, 1)


@pytest.mark.parametrize(
    ("method", "message"),
    [("tme", "'tme' is unknown; closest: time"), ("time", "needs time_column"), ("group", "needs group_column")],
)
def test_methods_that_cannot_be_used(method, message):
    with pytest.raises(InvalidArgument, match=message):
        split_rows(rows_of(), method, 0.25, 1)


T = Roles("y", ("x",), time_column="t")
G = Roles("y", ("x",), group_column="g")
FIRST = np.arange(40) < 20


@pytest.mark.parametrize(
    ("rows", "method", "test_size", "message"),
    [
        (rows_of(40), "random", 0.05, "leaves 2 rows on the test side (38 training, 2 test)"),
        (rows_of(40), "random", 0.95, "rows on the training side"),
        (rows_of(40, T, t=[1] * 40), "time", 0.25, "all rows have the same time"),
        (rows_of(40, G, g=["a"] * 40), "group", 0.25, "all rows are of one group"),
        (rows_of(40, T, t=range(40), y=FIRST), "time", 0.5, "training side without class 'false'"),
        (rows_of(40, T, t=range(40), y=FIRST), "time", 0.25, "test side with class 'false' only"),
        (rows_of(40, Roles("y", ("x",)), y=np.arange(40) == 3), "random", 0.25, "test side with class 'false' only"),
        (
            rows_of(40, Roles("y", ("x",), "k", "t", "w"), k=range(40), t=range(40), w=1.0 * FIRST),
            "time",
            0.25,
            "weight 0",
        ),
    ],
)
def test_sides_that_cannot_be_used(rows, method, test_size, message):
    with pytest.raises(InvalidData, match=re.escape(message)):
        split_rows(rows, method, test_size, 1)


def test_a_regression_is_split_without_strata():
    rows = read_rows(pa.table({"x": RANDOM.normal(size=200), "y": RANDOM.normal(size=200)}), Roles("y"))
    train, test = split_rows(rows, "random", 0.3, 1)
    assert (len(train), len(test)) == (140, 60)
    assert abs(train.target.mean() - test.target.mean()) < 0.5
