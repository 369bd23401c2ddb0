"""From the columns of a relation to the numbers that an estimator reads: by name, then by ``spec.Feature``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.errors import FeatureMismatch
from sqlml.kernel.arrow_types import CAST_TARGETS, UNSUPPORTED, is_text, logical_type, remedy, sql_name
from sqlml.kernel.dates import date_part
from sqlml.kernel.doubles import doubles
from sqlml.spec import Column, Feature, Model

Values: TypeAlias = pa.Array | pa.ChunkedArray
Doubles = NDArray[np.float64]

ZERO = float(np.float32(1e-35))
"""The largest magnitude that is missing where a feature has ``zero_is_missing``; LightGBM's ``kZeroThreshold``."""


MANY_ROWS = 100_000
"""Fewer rows are not worth a second thread."""


def locate(model: Model, names: Sequence[str], types: Sequence[pa.DataType]) -> tuple[int, ...]:
    """The position among the given columns of each of ``model.columns``.

    A name is looked for as it is, then without regard to case. The order is free and other columns are ignored.

    Raises
    ------
    FeatureMismatch
        Columns are missing, ambiguous, or of a type that loses information. The message names each of them, what
        was given, and the remedy.

    Examples
    --------
    >>> from sqlml.spec import Constant
    >>> model = Model("regression", (Column("age", "integer"),), (), Constant((0.0,)), "identity")
    >>> locate(model, ["name", "Age"], [pa.string(), pa.int64()])
    (1,)
    """
    wanted = {column.name for column in model.columns}
    found = {column.name: _candidates(column.name, names, wanted) for column in model.columns}
    faults = _missing(found, names) + _ambiguous(found, names)
    faults += [
        fault
        for column in model.columns
        if len(found[column.name]) == 1 and (fault := _refused(column, types[found[column.name][0]]))
    ]
    if faults:
        raise FeatureMismatch("; ".join(faults))
    return tuple(found[column.name][0] for column in model.columns)


def encode(features: Sequence[Feature], columns: Mapping[str, Values], threads: int = 1) -> Doubles:
    """The numbers of every row as ``spec.Feature`` says, float64 of shape (rows, features) in Fortran order.

    ``columns`` holds arrays of equal length by the names that the features use. Missing is NaN. More ``threads`` share
    the features of many rows.

    Raises
    ------
    FeatureMismatch
        A feature reads a column that is not there or not of its kind, or the columns differ in length.

    Examples
    --------
    >>> features = [Feature("age", "number", impute=0.0), Feature("city", "category", ("Berlin", "Rome"))]
    >>> encode(features, {"age": pa.array([1, None]), "city": pa.array(["Rome", "Oslo"])}).tolist()
    [[1.0, 1.0], [0.0, nan]]
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise FeatureMismatch(f"the columns have different lengths: {', '.join(map(str, sorted(lengths)))}")
    matrix = np.empty((max(lengths, default=0), len(features)), dtype=np.float64, order="F")
    work = partial(_fill, columns=columns)
    if threads > 1 and len(matrix) >= MANY_ROWS:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, features, matrix.T))
    else:
        list(map(work, features, matrix.T))
    return matrix


def _fill(feature: Feature, values: Doubles, columns: Mapping[str, Values]) -> None:
    start = 0
    for chunk in _chunks(_column(feature, columns)):
        values[start : start + len(chunk)] = _read(feature, chunk)
        start += len(chunk)
    _finish(feature, values)


def unseen(features: Sequence[Feature], columns: Mapping[str, Values]) -> dict[str, int]:
    """How many values of each category column are neither NULL nor among its categories.

    >>> unseen([Feature("city", "category", ("Berlin",))], {"city": pa.array(["Berlin", "Oslo", None])})
    {'city': 1}
    """
    return {
        feature.column: sum(
            _codes(feature, chunk).null_count - chunk.null_count for chunk in _chunks(_column(feature, columns))
        )
        for feature in features
        if feature.kind == "category"
    }


def _candidates(name: str, names: Sequence[str], wanted: set[str]) -> list[int]:
    """Where a column may be: under its own name, else under one that differs by case and is no other column's."""
    exact = [position for position, given in enumerate(names) if given == name]
    return exact or [
        position for position, given in enumerate(names) if given.lower() == name.lower() and given not in wanted
    ]


def _missing(found: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
    absent = [name for name, positions in found.items() if not positions]
    if not absent:
        return []
    closest = {name: difflib.get_close_matches(name, names, n=1) for name in absent}
    said = [f"{name!r}" + (f" (did you mean {closest[name][0]!r}?)" if closest[name] else "") for name in absent]
    columns = "column" if len(absent) == 1 else "columns"
    given = ", ".join(repr(name) for name in names) or "none"
    return [f"the row lacks {columns} {', '.join(said)} that the model reads; its columns are {given}"]


def _ambiguous(found: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
    return [
        f"column {name!r} could be any of {', '.join(repr(names[position]) for position in positions)}; "
        f"give exactly one of them the name {name!r}"
        for name, positions in found.items()
        if len(positions) > 1
    ]


def _refused(column: Column, type: pa.DataType) -> str | None:
    """Why values of this type cannot be read as the column; None where they can."""
    given = logical_type(type)
    if given is None or column.accepts(given):
        return None
    quoted = '"' + column.name.replace('"', '""') + '"'
    cast = f"pass CAST({quoted} AS {CAST_TARGETS[column.type]}) under the same name"
    return (
        f"column {column.name!r} is {sql_name(type)} and the model reads it as {column.type}; "
        f"{remedy(type) if given == UNSUPPORTED else cast}"
    )


def _column(feature: Feature, columns: Mapping[str, Values]) -> Values:
    values = columns.get(feature.column)
    if values is None:
        raise FeatureMismatch(f"column {feature.column!r} is missing; the columns are {', '.join(map(repr, columns))}")
    given = logical_type(values.type)
    if given is not None and given not in _READABLE.get(feature.kind, ("date", "timestamp")):
        raise FeatureMismatch(
            f"column {feature.column!r} is {sql_name(values.type)} and cannot be read as {feature.kind}; CAST it"
        )
    return values


_READABLE = {"number": ("boolean", "integer", "number"), "boolean": ("boolean",), "category": ("text",)}
"""The logical types that a kind of feature can be read from; every other kind is a part of a date or timestamp."""


def _chunks(values: Values) -> Sequence[pa.Array]:
    return values.chunks if isinstance(values, pa.ChunkedArray) else [values]


def _read(feature: Feature, array: pa.Array) -> Doubles:
    """The values of one array before anything is imputed or scaled; missing is NaN."""
    if feature.kind in ("number", "boolean"):
        return doubles(array)
    if feature.kind == "category":
        return doubles(_codes(feature, array))
    return date_part(array, feature.kind)


def _codes(feature: Feature, array: pa.Array) -> pa.Array:
    """The position of each value among the categories, or NULL."""
    if not is_text(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return pc.index_in(array, value_set=_categories(feature))


@lru_cache(maxsize=1024)
def _categories(feature: Feature) -> pa.Array:
    return pa.array(feature.categories, pa.string())


def _finish(feature: Feature, values: Doubles) -> None:
    """Everything after reading, in place and in the order of ``spec.Feature``."""
    if feature.zero_is_missing and feature.kind != "category":
        values[np.abs(values) <= ZERO] = np.nan
    if feature.impute is not None:
        values[np.isnan(values)] = feature.impute
    if (feature.center, feature.scale) != (0.0, 1.0):
        with np.errstate(over="ignore"):
            values -= feature.center
            values /= feature.scale
