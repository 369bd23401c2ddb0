"""Arguments as SQL hands them over: JSON as text or already parsed, choices as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from sqlml.errors import InvalidArgument, InvalidData, SqlmlError
from sqlml.fit.names import found_column, unknown_name
from sqlml.kernel.arrow_types import sql_name

Report = Callable[[str, int, int], None]
"""Called on long work with the stage, the steps done and the steps in all."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Report nothing."""


def json_object(value: Any, argument: str) -> dict[str, Any]:
    """A JSON object, given as text or as the object itself; NULL is the empty one.

    >>> json_object('{"num_leaves": 31}', "hyperparams")
    {'num_leaves': 31}
    """
    parsed = _parsed(value, argument)
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise InvalidArgument(f"{argument} => {value!r} is not a JSON object; write it as '{{\"name\": value}}'")
    return parsed


def json_names(value: Any, argument: str) -> tuple[str, ...] | None:
    """A JSON array of names, given as text or as the array itself; NULL stays NULL."""
    parsed = _parsed(value, argument)
    if parsed is None:
        return None
    if not isinstance(parsed, list) or not all(isinstance(name, str) for name in parsed):
        raise InvalidArgument(f'{argument} => {value!r} is not a JSON array of names; write it as \'["a", "b"]\'')
    return tuple(parsed)


def one_of(value: Any, choices: Sequence[str], argument: str) -> str:
    """The value, where it is one of the choices.

    Raises
    ------
    InvalidArgument
        With the closest choice and all of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise InvalidArgument(f"{argument} => {value!r} is unknown; {unknown_name(str(value), choices)}")
    return value


def named_column(names: Sequence[str], argument: str, name: Any, relation: str) -> str:
    """The column of a relation that an argument names, as the relation has it.

    Raises
    ------
    InvalidData
        Where there is none.
    """
    return known_column(names, f"{argument} =>", name, repr(relation), InvalidData)


def known_column(names: Sequence[str], asked: str, name: Any, owner: str, error: type[SqlmlError]) -> str:
    """The column that somebody names, as its owner has it; ``asked`` and ``owner`` say in words who asks, and of what.

    Raises
    ------
    SqlmlError
        This ``error``, with the closest names and all of them.

    >>> known_column(["id", "age"], "target of model 'buyer@1':", "AGE", "'visit'", InvalidData)
    'age'
    """
    found = found_column(name, list(names)) if isinstance(name, str) else None
    if found is None:
        raise error(f"{asked} {name!r} is no column of {owner}; {unknown_name(str(name), names)}")
    return found


def refuse_no_time(argument: str, column: pa.Field, relation: str) -> None:
    """Refuse a column that is no time, or whose time depends on the session's zone.

    Raises
    ------
    InvalidData
        With the remedy, which is to cast it.
    """
    kind = column.type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)) or getattr(kind, "tz", None):
        raise InvalidData(
            f"{argument} => {column.name!r} of {relation!r} is a {sql_name(kind)}; it must be a DATE or a TIMESTAMP "
            "without time zone: cast it, as in (t AT TIME ZONE 'UTC')"
        )


def _parsed(value: Any, argument: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise InvalidArgument(f"{argument} is nested too deeply to be read as JSON") from error
    except ValueError as error:
        raise InvalidArgument(f"{argument} => {value!r} is not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def utc_time(value: Any, argument: str) -> datetime | None:
    """A time as SQL hands it over, in UTC without a zone; a date is its midnight, NULL stays NULL.

    Raises
    ------
    InvalidArgument
        Where the text is no date and no time.

    >>> utc_time("2024-01-31", "window_start")
    datetime.datetime(2024, 1, 31, 0, 0)
    >>> utc_time("2024-01-31 12:30:00.5+01", "window_start")
    datetime.datetime(2024, 1, 31, 11, 30, 0, 500000)
    """
    if value is None:
        return None
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError(value)
        time = datetime.fromisoformat(f"{found['date']} {found['time'] or '00:00:00'}")
    except ValueError:
        raise InvalidArgument(
            f"{argument} => {value!r} is no time; write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00'"
        ) from None
    time += timedelta(microseconds=int((found["fraction"] or "0")[:6].ljust(6, "0")))
    sign = -1 if found["sign"] == "-" else 1
    return time - sign * timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))


_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?:[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?"
)
