"""The space of a search: grids, ranges, draws, and what is refused."""

import re
from random import Random

import numpy as np
import pytest

from sqlml.errors import InvalidArgument
from sqlml.fit.space import drawn, grid, parsed_space


def draw(space, trials=200, seed=1):
    return drawn(parsed_space(space, {}), trials, Random(seed))


def test_a_grid_has_every_combination_once():
    points = grid(parsed_space({"a": [1, 2], "b": ["x", None, True]}, {}))
    assert len(points) == 6
    assert points[0] == {"a": 1, "b": "x"}
    assert points[-1] == {"a": 2, "b": True}


def test_draws_are_the_same_for_the_same_seed():
    space = {"a": [1, 2, 3], "b": {"low": 0, "high": 1}}
    assert draw(space, 5) == draw(space, 5)
    assert draw(space, 5) != draw(space, 5, seed=2)
    assert draw(space, 5) == draw(space, 9)[:5]


def test_no_point_is_drawn_twice_and_a_small_space_is_exhausted():
    points = draw({"a": [1, 2], "b": [True, False]}, 50)
    assert len(points) == 4
    assert len(draw({"n": {"low": 1, "high": 3, "int": True}}, 50)) == 3


def test_ranges_are_filled_evenly():
    values = np.array([point["x"] for point in draw({"x": {"low": -2, "high": 6}}, 2000)])
    assert -2 <= values.min() < -1.9
    assert 5.9 < values.max() <= 6
    assert abs(values.mean() - 2) < 0.2


def test_ranges_are_filled_evenly_in_the_logarithm():
    values = np.array([point["x"] for point in draw({"x": {"low": 1e-4, "high": 1, "log": True}}, 2000)])
    assert values.min() >= 1e-4
    assert values.max() <= 1
    assert abs(np.log10(values).mean() + 2) < 0.1


@pytest.mark.parametrize("log", [True, False])
def test_whole_numbers_include_both_ends(log):
    points = [draw({"x": {"low": 1, "high": 4, "int": True, "log": log}}, 1, seed)[0]["x"] for seed in range(300)]
    assert {type(point) for point in points} == {int}
    assert sorted(set(points)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("space", "pieces"),
    [
        ({}, ["one entry at least"]),
        ([], ["search_space must be an object"]),
        ({"a": []}, ["'a' must be a list with values or a range"]),
        ({"a": 3}, ["'a' must be a list"]),
        ({"a": {"min": 1}}, ["'a' has key 'min'", "known are: low, high, log, int"]),
        ({"a": {"low": 1}}, ["'a': high must be a finite number, got None"]),
        ({"a": {"low": "1", "high": 2}}, ["low must be a finite number, got '1'"]),
        ({"a": {"low": 0, "high": float("inf")}}, ["high must be a finite number"]),
        ({"a": {"low": True, "high": 2}}, ["low must be a finite number"]),
        ({"a": {"low": 2, "high": 2}}, ["low 2 must be below high 2"]),
        ({"a": {"low": 0, "high": 2, "log": True}}, ["above 0 where log is true"]),
        ({"a": {"low": 0.5, "high": 2, "int": True}}, ["must be whole numbers where int is true"]),
        ({"a": {"low": 0, "high": 2, "int": 1}}, ["int must be true or false, got 1"]),
        ({"C": [1]}, ["'C' stands in hyperparams and in search_space"]),
    ],
)
def test_spaces_that_are_refused(space, pieces):
    with pytest.raises(InvalidArgument, match=".*".join(map(re.escape, pieces))):
        parsed_space(space, {"C": 1})


def test_a_grid_takes_no_range_and_no_flood():
    with pytest.raises(InvalidArgument, match="'b' is a range; search 'grid' needs a list"):
        grid(parsed_space({"a": [1], "b": {"low": 0, "high": 1}}, {}))
    with pytest.raises(InvalidArgument, match="1331 combinations, more than 1000"):
        grid(parsed_space({name: list(range(11)) for name in "abc"}, {}))
