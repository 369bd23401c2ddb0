"""What a caller asks of one column in ``preprocess``, checked against the column's type."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlml.errors import InvalidHyperparameter
from sqlml.fit.names import found_column, unknown_name
from sqlml.spec import DATE_PARTS, TIMESTAMP_PARTS, Column

STATISTICS = ("mean", "median", "most_frequent")
SCALES = ("standard", "min_max", "none")
MAX_CATEGORIES = 255
DATE_DEFAULT = ("month", "day", "day_of_week")
TIMESTAMP_DEFAULT = (*DATE_DEFAULT, "hour")

_KEYS = {
    "boolean": ("impute", "scale"),
    "integer": ("impute", "scale"),
    "number": ("impute", "scale"),
    "text": ("impute", "scale", "encode", "max_categories"),
    "date": ("impute", "scale", "encode"),
    "timestamp": ("impute", "scale", "encode"),
}


@dataclass(frozen=True)
class ColumnStep:
    """The treatment of one column; None where the caller leaves it to the algorithm.

    ``impute`` is a statistic or a category as text, or a number. ``parts`` are those of a date or timestamp.
    """

    impute: str | float | None = None
    scale: str | None = None
    ordinal: bool = False
    parts: tuple[str, ...] = ()
    max_categories: int = MAX_CATEGORIES


def column_steps(columns: Sequence[Column], preprocess: Mapping[str, Any]) -> tuple[ColumnStep, ...]:
    """One step per column. ``preprocess`` is keyed by column, by exact name or by a name that differs in case.

    Raises
    ------
    InvalidHyperparameter
        It names a column that is not a feature, a key that the column's type does not take, or a wrong value.
    """
    if not isinstance(preprocess, Mapping):
        raise InvalidHyperparameter(f"preprocess must be an object by column, got {preprocess!r}")
    names = [column.name for column in columns]
    asked: dict[str, Mapping[str, Any]] = {}
    for given, body in preprocess.items():
        name = found_column(str(given), names)
        if name is None:
            raise InvalidHyperparameter(
                f"preprocess names {given!r}, not a feature column; {unknown_name(given, names)}"
            )
        if name in asked:
            raise InvalidHyperparameter(f"preprocess names column {name!r} twice; keep one of them")
        asked[name] = body
    return tuple(_step(column, asked.get(column.name, {})) for column in columns)


def _step(column: Column, body: Any) -> ColumnStep:
    allowed = _KEYS[column.type]
    if not isinstance(body, Mapping):
        raise InvalidHyperparameter(
            f"preprocess of column {column.name!r} must be an object with some of {', '.join(allowed)}, got {body!r}"
        )
    for key in body:
        if key not in allowed:
            raise InvalidHyperparameter(
                f"preprocess of {column.type} column {column.name!r} has key {key!r}; {unknown_name(key, allowed)}"
            )
    encode = body.get("encode")
    step = ColumnStep(
        impute=_impute(column, body.get("impute")),
        scale=_scale(column, body.get("scale")),
        ordinal=column.type == "text" and _one_of(column, "encode", encode, ("category", "ordinal")) == "ordinal",
        parts=_parts(column, encode),
        max_categories=_max_categories(column, body.get("max_categories")),
    )
    if column.type == "text" and not step.ordinal and step.scale not in (None, "none"):
        raise _refusal(column, "scale", step.scale, 'nothing but \'none\' for a category; add "encode": "ordinal"')
    return step


def _refusal(column: Column, key: str, value: Any, allowed: str) -> InvalidHyperparameter:
    return InvalidHyperparameter(f"preprocess of column {column.name!r}: {key} is {value!r}; allowed is {allowed}")


def _one_of(column: Column, key: str, value: Any, allowed: Sequence[str]) -> str | None:
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise _refusal(column, key, value, ", ".join(map(repr, allowed)))


def _scale(column: Column, value: Any) -> str | None:
    return _one_of(column, "scale", value, SCALES)


def _impute(column: Column, value: Any) -> str | float | None:
    if value is None:
        return None
    if column.type == "text":
        if isinstance(value, str):
            return value
        raise _refusal(column, "impute", value, "'most_frequent' or one of its categories")
    if isinstance(value, bool) and column.type == "boolean":
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _finite(value):
        return float(value)
    if isinstance(value, str) and value in STATISTICS:
        return value
    raise _refusal(column, "impute", value, f"{', '.join(map(repr, STATISTICS))} or a finite number")


def _finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _parts(column: Column, value: Any) -> tuple[str, ...]:
    if column.type not in ("date", "timestamp"):
        return ()
    known = DATE_PARTS if column.type == "date" else TIMESTAMP_PARTS
    if value is None:
        return DATE_DEFAULT if column.type == "date" else TIMESTAMP_DEFAULT
    if (
        not isinstance(value, (list, tuple))
        or not value
        or any(part not in known for part in value)
        or len(set(value)) != len(value)
    ):
        raise _refusal(column, "encode", value, f"a list of some of {', '.join(map(repr, known))}, each once")
    return tuple(value)


def _max_categories(column: Column, value: Any) -> int:
    if value is None:
        return MAX_CATEGORIES
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
        raise _refusal(column, "max_categories", value, "a whole number from 1 to 10000")
    return int(value)
