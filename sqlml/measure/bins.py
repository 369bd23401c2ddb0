"""The bins into which the values of one column fall, frozen when a model is trained.

The bins come from the reference alone: a later window cannot move them, so one wild value cannot hide a shift.
NULL (and NaN, which is missing too), values out of the reference's range, values that stand for a missing one
(sentinels, given by the caller) and rare or new categories have bins of their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types
from sqlglot import exp

from sqlml.errors import InvalidArgument, InvalidSpec
from sqlml.measure.subset import case, cast, number

MISSING_BIN = 0
"""The index of the bin of NULL and NaN, in all bins."""

_RESERVED = ("null", "other")


@dataclass(frozen=True)
class NumberBins:
    """Bins of numbers, from the least to the greatest finite value of the reference.

    Bin ``i`` holds the values from ``edges[i]`` to below ``edges[i + 1]``, the last one those from ``edges[-1]`` to
    ``maximum`` inclusive. Both are empty (``()`` and ``None``) for a reference without numbers: all are then above.
    """

    edges: tuple[float, ...]
    maximum: float | None
    sentinels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (*self.edges, *(() if self.maximum is None else (self.maximum,)), *self.sentinels)
        if not all(math.isfinite(value) for value in numbers):
            raise InvalidSpec("the edges, the maximum and the sentinels of bins must be finite")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise InvalidSpec(f"the edges of bins must rise, got {self.edges}")
        if bool(self.edges) != (self.maximum is not None) or (
            self.maximum is not None and self.maximum < self.edges[-1]
        ):
            raise InvalidSpec(f"the maximum of bins must be at or above the last edge, got {self.maximum}")
        _refuse_twice("sentinel", self.sentinels)

    def open_bins(self) -> tuple[int, ...]:
        """Indices of the bins below and above, where rows of the same kind as the reference can fall.

        That is so where the edges are quantiles. Where each distinct value of the reference is an edge, all values
        are taken as known.
        """
        if self.maximum is None or self.edges[-1] == self.maximum:
            return ()
        return 1, len(self.edges) + 2


@dataclass(frozen=True)
class CategoryBins:
    """Bins of text and booleans: one for each of ``categories``, and one for all others."""

    categories: tuple[str, ...]
    sentinels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_twice("category", self.categories)
        _refuse_twice("sentinel", self.sentinels)
        both = sorted(set(self.categories) & set(self.sentinels))
        if both:
            raise InvalidSpec(f"{both[0]!r} is both a category and a sentinel of the same bins")

    def open_bins(self) -> tuple[int, ...]:
        """No bin is taken to be filled that was not: a new category is news."""
        return ()


Bins = NumberBins | CategoryBins


def _refuse_twice(what: str, values: tuple[Any, ...]) -> None:
    if len(set(values)) != len(values):
        raise InvalidSpec(f"a {what} of bins stands twice in {values}")


def reference_bins(
    values: pa.Array | pa.ChunkedArray, sentinels: Sequence[float | str] = (), quantiles: int = 10, most: int = 20
) -> Bins:
    """The bins of a column from its values in the reference.

    Numbers: the edges are the ``quantiles`` quantiles, duplicates merged; a value that is several of them has a bin
    up to the next value; where there are at most ``quantiles`` distinct values, each is an edge. Infinities lie out
    of range. Text and booleans: the ``most`` most frequent categories, ties by their bytes, and of those only the
    ones seen in at least 2 % of the rows, or in 30 rows where that is less, and never in fewer than 5: a category
    picked for a count that chance has raised would look as if it became rare. A column of bare NULLs has no numbers.

    Raises
    ------
    InvalidArgument
        Where a column of this type has no bins (a date, a timestamp, a nested type), or a sentinel is not of its type.

    Examples
    --------
    >>> reference_bins(pa.array([0, 0, 1, 999]), sentinels=[999])
    NumberBins(edges=(0.0, 1.0), maximum=1.0, sentinels=(999.0,))
    >>> reference_bins(pa.array(["a"] * 9 + ["b"] * 6 + ["c"]))
    CategoryBins(categories=('a', 'b'), sentinels=())
    """
    if quantiles < 2 or most < 1:
        raise InvalidArgument(f"bins need at least 2 quantiles and 1 category, not {quantiles} and {most}")
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    plain = whole.dictionary_decode() if types.is_dictionary(whole.type) else whole
    kind = plain.type
    if types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        texts = tuple(str(each) for each in _sentinels(sentinels, str, kind))
        return CategoryBins(_frequent(plain.cast(pa.large_string()).drop_null(), texts, most), texts)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        marks = tuple(float(each) for each in _sentinels(sentinels, (int, float), kind))
        return _number_bins(_numbers(plain), marks, quantiles)
    raise InvalidArgument(
        f"a column of type {kind} has no bins; bins are for numbers, text and booleans: measure a number made of it, "
        "such as the hour of a time"
    )


def _sentinels(sentinels: Sequence[float | str], wanted: Any, kind: pa.DataType) -> Sequence[float | str]:
    for sentinel in sentinels:
        if isinstance(sentinel, bool) or not isinstance(sentinel, wanted):
            raise InvalidArgument(f"sentinel {sentinel!r} cannot be a value of a column of type {kind}; leave it out")
    return sentinels


def _numbers(values: pa.Array) -> NDArray[np.float64]:
    """The finite values as doubles. A decimal goes by its text, of which the nearest double is taken."""
    present = values.drop_null()
    exact = present.cast(pa.string()) if types.is_decimal(values.type) else present
    numbers = np.asarray(exact.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return numbers[np.isfinite(numbers)] + 0.0


def _number_bins(numbers: NDArray[np.float64], sentinels: tuple[float, ...], quantiles: int) -> NumberBins:
    kept = np.sort(numbers[~np.isin(numbers, sentinels)])
    if not kept.size:
        return NumberBins((), None, sentinels)
    distinct = np.unique(kept)
    edges = distinct
    if distinct.size > quantiles:
        cuts, times = np.unique(kept[np.arange(quantiles) * kept.size // quantiles], return_counts=True)
        after_heavy = distinct[np.searchsorted(distinct, cuts[times > 1], side="right").clip(max=distinct.size - 1)]
        edges = np.union1d(cuts, after_heavy)
    return NumberBins(tuple(edges.tolist()), float(kept[-1]), sentinels)


def _frequent(texts: pa.Array, sentinels: tuple[str, ...], most: int) -> tuple[str, ...]:
    counts = [
        (-pair["counts"], pair["values"].encode(), pair["values"])
        for pair in texts.value_counts().to_pylist()
        if pair["values"] not in sentinels
    ]
    least = max(5, min(30, math.ceil(sum(-count for count, *_ in counts) / 50)))
    return tuple(text for count, _, text in sorted(counts)[:most] if -count >= least)


def bin_labels(bins: Bins) -> tuple[str, ...]:
    """A name for each bin, in the order of the bins' indices, from 0.

    A category that reads like another label stands in double quotes.

    >>> bin_labels(NumberBins((0.0, 1.5), 3.0, (999.0,)))
    ('null', 'below', '[0, 1.5)', '[1.5, 3]', 'above', 'sentinel 999')
    >>> bin_labels(CategoryBins(("red", "other"), ("N/A",)))
    ('null', 'red', '"other"', 'other', 'sentinel N/A')
    """
    marks = [f"sentinel {_text(sentinel)}" for sentinel in bins.sentinels]
    if isinstance(bins, CategoryBins):
        return "null", *(_category_label(each) for each in bins.categories), "other", *marks
    inner = [f"[{_text(low)}, {_text(high)})" for low, high in pairwise(bins.edges)]
    if bins.maximum is not None:
        inner.append(f"[{_text(bins.edges[-1])}, {_text(bins.maximum)}]")
    return "null", "below", *inner, "above", *marks


def _category_label(category: str) -> str:
    ambiguous = category in _RESERVED or category.startswith(("sentinel ", '"'))
    return f'"{category}"' if ambiguous else category


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def bin_expression(bins: Bins, column: exp.Expr) -> exp.Expr:
    """The index of the bin of a column's value, an integer that is never NULL; see :func:`bin_labels`.

    The column of number bins is a number of any type, that of category bins a text or a boolean.

    >>> bin_expression(CategoryBins(("a",)), exp.column("x")).sql("postgres")
    "CASE WHEN CAST(x AS TEXT) = 'a' THEN 1 WHEN x IS NULL THEN 0 ELSE 2 END"
    """
    return _category_case(bins, column) if isinstance(bins, CategoryBins) else _number_case(bins, column)


def _number_case(bins: NumberBins, column: exp.Expr) -> exp.Expr:
    """A comparison with NULL is never true, and NaN is above infinity in both engines: both end in ELSE."""
    value = cast(column.copy(), "DOUBLE")
    above = len(bins.edges) + 2
    places = [
        *((exp.EQ, number(sentinel), index) for index, sentinel in enumerate(bins.sentinels, start=above + 1)),
        *((exp.LT, number(edge), index) for index, edge in enumerate(bins.edges, start=1)),
        *(((exp.LTE, number(bins.maximum), above - 1),) if bins.maximum is not None else ()),
        (exp.LTE, cast(exp.Literal.string("Infinity"), "DOUBLE"), above),
    ]
    branches = [
        (comparison(this=value.copy(), expression=end), exp.Literal.number(index)) for comparison, end, index in places
    ]
    return case(*branches, otherwise=exp.Literal.number(MISSING_BIN))


def _category_case(bins: CategoryBins, column: exp.Expr) -> exp.Expr:
    text = cast(column.copy(), "TEXT")
    other = len(bins.categories) + 1
    known = [*enumerate(bins.categories, start=1), *enumerate(bins.sentinels, start=other + 1)]
    branches: list[tuple[exp.Expr, exp.Expr]] = [
        (exp.EQ(this=text.copy(), expression=exp.Literal.string(category)), exp.Literal.number(index))
        for index, category in known
    ]
    missing = (column.is_(exp.null()), exp.Literal.number(MISSING_BIN))
    return case(*branches, missing, otherwise=exp.Literal.number(other))


def bin_places(bins: Bins, values: pa.Array) -> NDArray[np.int64]:
    """The index of the bin of each value, shape (n,): what :func:`bin_expression` gives of the same values in SQL.

    The values of number bins are float64, NULL or NaN where they are missing, those of category bins text or booleans.

    >>> bin_places(NumberBins((0.0, 1.5), 3.0), pa.array([None, -1.0, 0.0, 3.0, 3.5])).tolist()
    [0, 1, 2, 3, 4]
    """
    return _category_places(bins, values) if isinstance(bins, CategoryBins) else _number_places(bins, values)


def _number_places(bins: NumberBins, values: pa.Array) -> NDArray[np.int64]:
    numbers = values.to_numpy(zero_copy_only=False)
    above = len(bins.edges) + 2
    places = np.asarray(np.searchsorted(np.array(bins.edges), numbers, side="right") + 1, dtype=np.int64)
    places[numbers > bins.maximum if bins.maximum is not None else slice(None)] = above
    for index, sentinel in enumerate(bins.sentinels, start=above + 1):
        places[numbers == sentinel] = index
    places[np.isnan(numbers)] = MISSING_BIN
    return places


def _category_places(bins: CategoryBins, values: pa.Array) -> NDArray[np.int64]:
    texts = values.cast(pa.large_string())
    other = len(bins.categories) + 1
    known = [*enumerate(bins.categories, start=1), *enumerate(bins.sentinels, start=other + 1)]
    index = pc.index_in(texts, pa.array([text for _, text in known], pa.large_string())).fill_null(len(known))
    places = np.array([*(place for place, _ in known), other], dtype=np.int64)[index.to_numpy()]
    places[texts.is_null().to_numpy(zero_copy_only=False)] = MISSING_BIN
    return np.asarray(places)


def bins_json(bins: Bins) -> str:
    """Bins as canonical JSON: sorted keys, no blanks, every number in its shortest exact form."""
    kind = "category" if isinstance(bins, CategoryBins) else "number"
    body = {"kind": kind, **asdict(bins)}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def bins_of(text: str) -> Bins:
    """Read bins back; anything unknown, missing or of a wrong type raises :class:`InvalidSpec`.

    >>> bins_of(bins_json(NumberBins((0.0, 1.5), 3.0))) == NumberBins((0.0, 1.5), 3.0)
    True
    """
    try:
        body = json.loads(text)
        kind = body.pop("kind")
        if kind == "category" and set(body) == {"categories", "sentinels"}:
            return CategoryBins(_texts(body["categories"]), _texts(body["sentinels"]))
        if kind == "number" and set(body) == {"edges", "maximum", "sentinels"}:
            maximum = None if body["maximum"] is None else _floats([body["maximum"]])[0]
            return NumberBins(_floats(body["edges"]), maximum, _floats(body["sentinels"]))
        raise InvalidSpec(
            f"bins of kind {kind!r} with {', '.join(map(str, body))} are unknown; upgrade sqlml to read them"
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidSpec(f"the bins cannot be read: {error}") from error


def _floats(values: list[Any]) -> tuple[float, ...]:
    if not isinstance(values, list) or any(
        isinstance(each, bool) or not isinstance(each, (int, float)) for each in values
    ):
        raise InvalidSpec(f"bins need a list of numbers, got {values!r}")
    return tuple(float(each) for each in values)


def _texts(values: list[Any]) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise InvalidSpec(f"bins need a list of texts, got {values!r}")
    return tuple(values)
