"""Parts of Arrow dates and timestamps as doubles, as ``EXTRACT(... FROM x)`` gives them in DuckDB.

numpy's calendar is used because it covers every date that the engines know; Arrow's wraps after the year 32767.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

DAY = 86_400_000_000
"""Microseconds of a day."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Moments:
    """Days since 1970-01-01, the microseconds since midnight, and the seconds since 1970-01-01 as a double."""

    day: Integers
    micros: Integers
    epoch: NDArray[np.float64]

    def since(self, unit: str) -> Integers:
        """Whole years (``Y``) or months (``M``) since 1970-01-01."""
        return self._dates().astype(f"datetime64[{unit}]").astype(np.int64)

    def days_since_start(self, unit: str) -> Integers:
        """Days since the year or the month began."""
        days = self._dates()
        return np.asarray(days - days.astype(f"datetime64[{unit}]").astype("datetime64[D]")).astype(np.int64)

    def _dates(self) -> NDArray[np.datetime64]:
        return self.day.astype("datetime64[D]")


PARTS: Mapping[str, Callable[[Moments], NDArray[np.int64] | NDArray[np.float64]]] = {
    "year": lambda moments: moments.since("Y") + 1970,
    "month": lambda moments: moments.since("M") % 12 + 1,
    "day": lambda moments: moments.days_since_start("M") + 1,
    "day_of_week": lambda moments: (moments.day + 3) % 7 + 1,
    "day_of_year": lambda moments: moments.days_since_start("Y") + 1,
    "epoch": lambda moments: moments.epoch,
    "hour": lambda moments: moments.micros // (DAY // 24),
    "minute": lambda moments: moments.micros // (DAY // 1440) % 60,
}
"""Every part of ``spec.TIMESTAMP_PARTS``."""


def date_part(array: pa.Array, part: str) -> NDArray[np.float64]:
    """One part of every date or timestamp, float64 of shape (n,).

    NULL and the infinite dates are NaN, as EXTRACT gives NULL for both. A date is its midnight. Of a timestamp
    in nanoseconds the last three digits are cut off, towards 1970.

    >>> import datetime
    >>> date_part(pa.array([datetime.date(1969, 12, 31), None]), "day_of_week").tolist()
    [3.0, nan]
    """
    if types.is_null(array.type):
        return np.full(len(array), np.nan)
    is_date = types.is_date(array.type)
    ticks = array.cast(pa.date32()).view(pa.int32()) if is_date else array.view(pa.int64())
    counts = ticks.fill_null(0).to_numpy(zero_copy_only=False)
    infinity = np.iinfo(counts.dtype).max
    missing = (counts == infinity) | (counts == -infinity)
    if array.null_count:
        missing |= array.is_null().to_numpy(zero_copy_only=False)
    counts = np.where(missing, 0, counts).astype(np.int64)
    moments = _from_days(counts) if is_date else _from_micros(_micros(counts, array.type.unit))
    values = PARTS[part](moments).astype(np.float64)
    values[missing] = np.nan
    return values


def _micros(counts: Integers, unit: str) -> Integers:
    if unit == "ns":
        return (counts - np.fmod(counts, 1000)) // 1000
    return counts * {"s": 1_000_000, "ms": 1000, "us": 1}[unit]


def _from_days(days: Integers) -> Moments:
    return Moments(day=days, micros=np.zeros_like(days), epoch=np.asarray(days * 86400.0, dtype=np.float64))


def _from_micros(micros: Integers) -> Moments:
    day, rest = np.divmod(micros, DAY)
    return Moments(day=day, micros=rest, epoch=np.asarray(micros / 1e6, dtype=np.float64))
