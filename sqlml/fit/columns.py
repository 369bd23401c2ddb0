"""The columns of a relation as features, weights, times and groups, each checked on its own."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.errors import InvalidData
from sqlml.fit.chunks import EXACT
from sqlml.fit.digest import mixed, value_bits
from sqlml.kernel.arrow_types import UNSUPPORTED, logical_type, remedy, sql_name
from sqlml.kernel.doubles import doubles
from sqlml.spec import Column


def feature_column(name: str, values: pa.Array) -> tuple[Column, tuple[str, ...]]:
    """The column of the signature, and a note where all its values are NULL or the same.

    A bare NULL, which has no type of its own, is a number.

    Raises
    ------
    InvalidData
        No model can read the type, or integers are too large for a double.
    """
    kind = logical_type(values.type) or "number"
    if kind == UNSUPPORTED:
        raise InvalidData(
            f"feature column {name!r} has type {sql_name(values.type)}, which no model reads; {remedy(values.type)}, "
            "or leave it out by naming the features"
        )
    if values.null_count == len(values):
        return Column(name, kind), (f"column {name!r} is NULL in all rows and tells a model nothing",)
    bounds = pc.min_max(values)
    if pa.types.is_integer(values.type) or pa.types.is_decimal(values.type):
        _refuse_identifier(name, bounds["min"].as_py(), bounds["max"].as_py())
    if bounds["min"].equals(bounds["max"]) and not values.null_count:
        return Column(name, kind), (f"column {name!r} has the same value in all rows and tells a model nothing",)
    return Column(name, kind), ()


def _refuse_identifier(name: str, low: int | Decimal, high: int | Decimal) -> None:
    if low < -EXACT or high > EXACT:
        raise InvalidData(
            f"feature column {name!r} has numbers from {low} to {high}, and a double holds none beyond 2^53 exactly; "
            "it looks like an identifier: cast it to VARCHAR or leave it out"
        )


def weight_values(name: str, values: pa.Array) -> NDArray[np.float64]:
    """Weights of rows, finite, none below 0, not all 0; anything else raises :class:`InvalidData`."""
    _refuse_null("weight column", name, values, "turn NULL into a number with COALESCE, or leave the rows out")
    if logical_type(values.type) not in ("integer", "number"):
        raise InvalidData(f"weight column {name!r} has type {sql_name(values.type)}; CAST it to DOUBLE PRECISION")
    weights = doubles(values) + 0.0
    unusable = int((~np.isfinite(weights) | (weights < 0.0)).sum())
    if unusable:
        raise InvalidData(
            f"weight column {name!r} is negative, NaN or infinite in {unusable} of {len(weights)} rows; "
            "a weight is a finite number from 0"
        )
    if not weights.any():
        raise InvalidData(f"weight column {name!r} is 0 in all rows; give at least one row a positive weight")
    return weights


def time_values(name: str, values: pa.Array) -> NDArray[np.int64]:
    """Times as integers that keep their order: days of a date, microseconds of a timestamp, the rank of a number.

    Raises
    ------
    InvalidData
        A time is NULL or NaN, or the type has no order in time.
    """
    _refuse_null("time column", name, values, f"leave those rows out with WHERE {name} IS NOT NULL")
    kind = values.type
    if pa.types.is_timestamp(kind):
        stamps = pc.cast(values, pa.timestamp("us", tz=kind.tz), safe=False)
        return np.asarray(pc.cast(stamps, pa.int64()).to_numpy())
    if pa.types.is_date(kind):
        days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
        return np.asarray(days.to_numpy().astype(np.int64))
    if logical_type(kind) not in ("integer", "number"):
        raise InvalidData(f"time column {name!r} has type {sql_name(kind)}; CAST it to TIMESTAMP, DATE or a number")
    numbers = values.to_numpy() if pa.types.is_integer(kind) else doubles(values)
    if np.isnan(numbers).any():
        raise InvalidData(f"time column {name!r} has NaN; leave those rows out")
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def group_values(name: str, values: pa.Array) -> NDArray[np.uint64]:
    """One number per group; a NULL, or a type without plain equality, raises :class:`InvalidData`."""
    kind = values.type
    _refuse_null("group column", name, values, "give each of them a group with COALESCE, or leave the rows out")
    plain = logical_type(kind) != UNSUPPORTED or pa.types.is_timestamp(kind) or pa.types.is_binary(kind)
    if not plain:
        raise InvalidData(f"group column {name!r} has type {sql_name(kind)}; CAST it to VARCHAR")
    return mixed(value_bits(values))


def _refuse_null(part: str, name: str, values: pa.Array, what_to_do: str) -> None:
    if values.null_count:
        raise InvalidData(f"{part} {name!r} is NULL in {values.null_count} of {len(values)} rows; {what_to_do}")
