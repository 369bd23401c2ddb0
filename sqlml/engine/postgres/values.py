"""Values of PostgreSQL as Python's, where a driver gives their text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlml.errors import EngineError

Time = TypeVar("Time", date, datetime, time)

_WHOLE = re.compile(r"-?\d+")
_OFFSET = re.compile(r"[+-]\d\d(:\d\d)?(:\d\d)?$")


def number(value: str | Decimal) -> int | float:
    """A NUMERIC: a whole number where it was written without a point, as the sum of whole numbers is, else a double.

    >>> number("12"), number(Decimal("1.50")), number("NaN")
    (12, 1.5, nan)
    """
    text = str(value)
    return int(text) if _WHOLE.fullmatch(text) else float(text)


def read_date(text: str) -> date:
    """A date in ISO form."""
    return _read(date.fromisoformat, text)


def read_time(text: str) -> time:
    """A time of day in ISO form."""
    return _read(time.fromisoformat, _padded(text))


def read_timestamp(text: str) -> datetime:
    """A timestamp in ISO form, with a zone where it has one.

    >>> read_timestamp("2024-01-31 12:00:00.5"), read_timestamp("2024-01-31 12:00:00+02").utcoffset().seconds
    (datetime.datetime(2024, 1, 31, 12, 0, 0, 500000), 7200)
    """
    return _read(datetime.fromisoformat, _padded(text))


def _read(read: Callable[[str], Time], text: str) -> Time:
    try:
        return read(text)
    except ValueError:
        raise EngineError(f"the time {text!r} is beyond what Python can hold; leave such rows out") from None


def _padded(text: str) -> str:
    """A time with six digits of a second, and minutes in its offset, which every Python reads."""
    found = _OFFSET.search(text)
    offset = found[0] if found else ""
    head, point, fraction = text.removesuffix(offset).partition(".")
    return head + (f".{fraction:0<6}" if point else "") + (f"{offset}:00" if len(offset) == 3 else offset)


READERS: dict[int, Callable[[Any], Any]] = {
    1082: read_date,
    1083: read_time,
    1114: read_timestamp,
    1184: read_timestamp,
    1700: number,
    2950: UUID,
}
"""By number of a type what makes a value out of what PL/Python gives."""
