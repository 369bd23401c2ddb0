"""The space of a search: lists of values and ranges, and the points that are taken from it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlml.errors import InvalidArgument
from sqlml.fit.names import unknown_name

MAX_GRID = 1_000
"""Combinations that a grid may have."""

_RANGE_KEYS = ("low", "high", "log", "int")


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; evenly spread, or evenly spread in the logarithm."""

    low: float
    high: float
    log: bool
    whole: bool


Space = dict[str, "tuple[Any, ...] | Range"]


def parsed_space(space: Mapping[str, Any], hyperparams: Mapping[str, Any]) -> Space:
    """Check a space as it comes out of JSON.

    Raises
    ------
    InvalidArgument
        It is empty, an entry is neither a list with values nor a range, or stands in ``hyperparams`` too.
    """
    if not isinstance(space, Mapping) or not space:
        raise InvalidArgument(
            f"search_space must be an object from hyperparameter to a list or a range with {', '.join(_RANGE_KEYS)}, "
            f"with one entry at least; got {space!r}"
        )
    for name in space:
        if name in hyperparams:
            raise InvalidArgument(f"{name!r} stands in hyperparams and in search_space; keep one of them")
    return {name: _entry(name, value) for name, value in space.items()}


def _entry(name: str, value: Any) -> tuple[Any, ...] | Range:
    if isinstance(value, (list, tuple)) and value:
        return tuple(value)
    if isinstance(value, Mapping):
        return _range(name, value)
    raise InvalidArgument(
        f"search_space of {name!r} must be a list with values or a range with low and high, got {value!r}"
    )


def _range(name: str, body: Mapping[str, Any]) -> Range:
    where = f"search_space of {name!r}"
    for key in body:
        if key not in _RANGE_KEYS:
            raise InvalidArgument(f"{where} has key {key!r}; {unknown_name(key, _RANGE_KEYS)}")
    for key in ("low", "high"):
        number = body.get(key)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) <= 1e300:
            raise InvalidArgument(f"{where}: {key} must be a finite number, got {number!r}")
    for key in ("log", "int"):
        if not isinstance(body.get(key, False), bool):
            raise InvalidArgument(f"{where}: {key} must be true or false, got {body[key]!r}")
    low, high, log, whole = body["low"], body["high"], body.get("log", False), body.get("int", False)
    if low >= high:
        raise InvalidArgument(f"{where}: low {low} must be below high {high}")
    if log and low <= 0:
        raise InvalidArgument(f"{where}: low {low} must be above 0 where log is true")
    if whole and (low != int(low) or high != int(high)):
        raise InvalidArgument(f"{where}: low {low} and high {high} must be whole numbers where int is true")
    return Range(low, high, log, whole)


def grid(space: Space) -> tuple[dict[str, Any], ...]:
    """Every combination, the last entry of the space changing fastest.

    Raises
    ------
    InvalidArgument
        An entry is a range, or there are more than :data:`MAX_GRID` combinations.

    >>> grid({"a": (1, 2), "b": (3,)})
    ({'a': 1, 'b': 3}, {'a': 2, 'b': 3})
    """
    lists: list[tuple[Any, ...]] = []
    for name, values in space.items():
        if isinstance(values, Range):
            raise InvalidArgument(
                f"search_space of {name!r} is a range; search 'grid' needs a list, 'random' takes both"
            )
        lists.append(values)
    size = math.prod(map(len, lists))
    if size > MAX_GRID:
        raise InvalidArgument(f"search_space has {size} combinations, more than {MAX_GRID}; take search 'random'")
    return tuple(dict(zip(space, point, strict=True)) for point in itertools.product(*lists))


def drawn(space: Space, trials: int, random: Random) -> tuple[dict[str, Any], ...]:
    """At most ``trials`` different random points; fewer where the space has no more.

    >>> len(drawn({"a": (1, 2)}, 10, Random(1)))
    2
    """
    points: dict[str, dict[str, Any]] = {}
    size = math.prod(math.inf if isinstance(values, Range) else len(values) for values in space.values())
    for _ in range(100 * trials):
        point = {name: _value(values, random.random()) for name, values in space.items()}
        points.setdefault(json.dumps(point, sort_keys=True), point)
        if len(points) >= min(trials, size):
            break
    return tuple(points.values())


def _value(values: tuple[Any, ...] | Range, unit: float) -> Any:
    """The value at ``unit``, 0 included and 1 excluded. Only ``Random.random`` is stable over Python's versions."""
    if not isinstance(values, Range):
        return values[int(unit * len(values))]
    low, high = values.low, values.high + (1 if values.whole else 0)
    number = (
        math.exp(math.log(low) + unit * (math.log(high) - math.log(low))) if values.log else low + unit * (high - low)
    )
    number = min(max(number, values.low), high)
    return min(int(number), int(values.high)) if values.whole else float(number)
