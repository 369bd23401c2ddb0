"""From training columns to features: which value is imputed, how it is scaled, which categories are known.

Every statistic comes from the training rows alone and is not weighted, as in scikit-learn's ``SimpleImputer``
followed by ``StandardScaler`` or ``MinMaxScaler``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.names import unknown_name
from sqlml.fit.rows import Rows
from sqlml.fit.step import ColumnStep, column_steps
from sqlml.spec import Column, Feature


@dataclass(frozen=True)
class Needs:
    """What an algorithm asks of its features where the caller asks nothing.

    ``complete``: every number needs a value for missing rows (the mean; the most frequent of booleans and of
    ordinal codes). ``scale``: ``standard``, ``min_max`` or ``none``, for every number but booleans.
    """

    complete: bool = False
    scale: str = "none"


@dataclass(frozen=True)
class Prepared:
    """Features in the order of the columns; ``categorical[i]`` says that the codes of feature ``i`` have no order."""

    features: tuple[Feature, ...]
    categorical: tuple[bool, ...]
    notes: tuple[str, ...] = ()


def features_for(rows: Rows, preprocess: Mapping[str, Any], needs: Needs) -> Prepared:
    """Derive the features of training rows.

    ``preprocess`` maps a column to an object with some of: ``impute`` (``mean``, ``median``, ``most_frequent`` or
    a number; of text ``most_frequent`` or a category), ``scale`` (``standard``, ``min_max``, ``none``), ``encode``
    (text: ``category`` or ``ordinal``, the code as a number; date and timestamp: a list of parts) and
    ``max_categories`` (text: the most frequent are kept, ties by name). A category beyond those is missing.

    Raises
    ------
    InvalidHyperparameter
        An unknown column, key or value; the message lists the allowed ones.
    InvalidData
        A statistic is needed of a column with infinite values.
    """
    steps = column_steps(rows.columns, preprocess)
    steps_of = list(zip(rows.columns, steps, strict=True))
    by_column = {column.name: step for column, step in steps_of}
    notes: list[str] = []
    read = tuple(feature for column, step in steps_of for feature in _features_read(rows, column, step, notes))
    asking = [feature for feature in read if _needs_values(feature, by_column[feature.column], needs)]
    known = dict(zip(asking, rows.matrix(asking).T, strict=True)) if asking else {}
    features = tuple(
        _with_statistics(feature, by_column[feature.column], needs, known[feature]) if feature in known else feature
        for feature in read
    )
    categorical = tuple(each.kind == "category" and not by_column[each.column].ordinal for each in features)
    return Prepared(features, categorical, tuple(notes))


def _features_read(rows: Rows, column: Column, step: ColumnStep, notes: list[str]) -> tuple[Feature, ...]:
    """The features of a column as they are read, before anything is imputed or scaled."""
    if column.type == "text":
        return (Feature(column.name, "category", categories=_categories(rows, column, step, notes)),)
    if column.type in ("date", "timestamp"):
        return tuple(Feature(column.name, part) for part in step.parts)
    return (Feature(column.name, "boolean" if column.type == "boolean" else "number"),)


def _categories(rows: Rows, column: Column, step: ColumnStep, notes: list[str]) -> tuple[str, ...]:
    """The most frequent values of a text column, in code point order."""
    counts = pc.value_counts(rows.source.table.column(column.name).take(pa.array(rows.position)))
    found = [(one["values"], one["counts"]) for one in counts.to_pylist() if one["values"] is not None]
    ranked = sorted(found, key=lambda one: (-one[1], one[0]))
    kept = ranked[: step.max_categories]
    if len(ranked) > len(kept):
        lost = sum(count for _, count in ranked[len(kept) :])
        notes.append(
            f"column {column.name!r} has {len(ranked)} categories in {len(rows)} training rows; the {len(kept)} most "
            f"frequent are kept, {lost} rows have one of the others and count as missing (max_categories)"
        )
    return tuple(sorted(value for value, _ in kept))


def _needs_values(feature: Feature, step: ColumnStep, needs: Needs) -> bool:
    """Whether the values of the rows have a say in the feature."""
    return _asked(feature, step, needs) != (None, "none")


def _asked(feature: Feature, step: ColumnStep, needs: Needs) -> tuple[str | float | None, str]:
    """What is imputed, and how it is scaled."""
    coded = feature.kind in ("category", "boolean")
    unordered = feature.kind == "category" and not step.ordinal
    asked = step.impute
    if asked is None and needs.complete and not unordered:
        asked = "most_frequent" if coded else "mean"
    return asked, step.scale or ("none" if unordered or feature.kind == "boolean" else needs.scale)


def _with_statistics(feature: Feature, step: ColumnStep, needs: Needs, values: NDArray[np.float64]) -> Feature:
    """The feature with its imputed value, then with center and scale of the values that result."""
    unordered = feature.kind == "category" and not step.ordinal
    asked, scale = _asked(feature, step, needs)
    if asked in ("mean", "median") or scale != "none":
        _refuse_infinite(feature, values)
    present = values[~np.isnan(values)]
    impute = None if asked is None else _imputed(feature, asked, present, unordered)
    if impute is not None and not math.isfinite(impute):
        raise _too_wide(feature, float(present.min()), float(present.max()))
    if impute is not None:
        present = np.where(np.isnan(values), impute, values)
    center, width = _center_and_scale(feature, scale, present)
    return replace(feature, impute=impute, center=center, scale=width)


def _refuse_infinite(feature: Feature, values: NDArray[np.float64]) -> None:
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise InvalidData(
            f"column {feature.column!r} has {infinite} infinite values, so it has no mean and no scale; turn them into "
            'NULL in the relation, or preprocess the column with "scale": "none" and a number to impute'
        )


def _imputed(feature: Feature, asked: str | float, present: NDArray[np.float64], unordered: bool) -> float | None:
    """The value for missing rows; where every row is missing, 0, or none for a category."""
    if isinstance(asked, float):
        return asked
    if feature.kind == "category" and asked != "most_frequent":
        if asked not in feature.categories:
            raise InvalidHyperparameter(
                f"preprocess of column {feature.column!r}: impute is {asked!r}, not a category of the training rows; "
                + unknown_name(asked, feature.categories)
            )
        return float(feature.categories.index(asked))
    if not len(present):
        return None if unordered else 0.0
    if asked == "mean":
        return _mean(present)
    if asked == "median":
        return float(np.median(present))
    values, counts = np.unique(present, return_counts=True)
    return float(values[np.argmax(counts)])


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of a sum that is rounded once, so that it depends on neither the order of rows nor the machine."""
    try:
        return math.fsum(values.tolist()) / len(values)
    except OverflowError:
        return math.inf


def _center_and_scale(feature: Feature, scale: str, values: NDArray[np.float64]) -> tuple[float, float]:
    """``(x - center) / scale``; a constant column is only centered, as in scikit-learn."""
    if scale == "none" or not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    center = low if scale == "min_max" else _mean(values)
    if low == high:
        return low, 1.0
    with np.errstate(over="ignore"):
        width = high - low if scale == "min_max" else math.sqrt(_mean((values - center) ** 2))
    if not math.isfinite(width) or not math.isfinite(center):
        raise _too_wide(feature, low, high)
    return center, width or 1.0


def _too_wide(feature: Feature, low: float, high: float) -> InvalidData:
    return InvalidData(
        f"column {feature.column!r} reaches from {low} to {high}, too far for its mean or scale; "
        "divide it by a constant in the relation"
    )
