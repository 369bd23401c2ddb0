"""Reading a suite of checks from JSON: strictly, for a check that is not understood is one that is not made."""

from __future__ import annotations

import difflib
import json
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlml.errors import InvalidArgument
from sqlml.measure.check import CHECKS, SEVERITIES, Check
from sqlml.measure.check_relation import HISTORY_WINDOWS, LEAST_WINDOWS, MAX_Z
from sqlml.measure.check_rows import FORMATS
from sqlml.spec import COLUMN_TYPES

PERIODS = ("hour", "day", "week", "month")
"""The windows in which ``row_count`` counts by time."""

Reader = Callable[[Any], Any]
"""Gives the value of a parameter, or raises :class:`InvalidArgument` that says what it should be."""


def suite_of(text: str) -> tuple[Check, ...]:
    """The checks of a suite: a JSON array of objects, in its order.

    Each object names its ``check``, the ``column`` or ``columns`` it is about, its parameters (:data:`CHECKS` lists
    them), and optionally ``severity`` (``error``, the default, or ``warn``) and, for checks of rows, ``key``: the
    column whose values are shown as a sample of the failing rows.

    Raises
    ------
    InvalidArgument
        Where the text is no such array, or names a check, key, column list or value that is not understood; the message
        names the entry, counted from 1.

    Examples
    --------
    >>> [check] = suite_of('[{"check": "range", "column": "age", "min": 0, "max": 120, "severity": "warn"}]')
    >>> check.columns, check.severity, check.parameters["max"]
    (('age',), 'warn', 120)
    """
    try:
        entries = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidArgument(f"the suite is not JSON: {error}; write an array of objects") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidArgument('the suite must be an array of objects such as [{"check": "not_null", "column": "id"}]')
    return tuple(_check(position, entry) for position, entry in enumerate(entries, start=1))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, _ in pairs:
        if sum(key == other for other, _ in pairs) > 1:
            raise InvalidArgument(f"the key {key!r} stands twice in one object of the suite; keep one")
    return dict(pairs)


def _no_constant(text: str) -> float:
    raise InvalidArgument(f"the suite holds {text}, which is no JSON; write a number or leave it out")


def _check(position: int, entry: dict[str, Any]) -> Check:
    where = f"entry {position} of the suite"
    name = entry.get("check")
    kinds = {kind.name: kind for kind in CHECKS}
    if not isinstance(name, str) or name not in kinds:
        raise InvalidArgument(f"{where}: there is no check {name!r}; {_closest(name, kinds)}")
    kind, where = kinds[name], f"{where} ({name})"
    subject = {"column": "column", "either": "column", "columns": "columns"}[kind.subject]
    optional = ("severity", *(("key",) if "max_share" in kind.parameters else ()))
    known = ("check", subject, *kind.parameters, *optional)
    for key in entry:
        if key not in known:
            raise InvalidArgument(f"{where}: there is no key {key!r}; {_closest(key, known)}")
    columns = _read(where, subject, _columns if subject == "columns" else _column, entry, kind.subject == "either")
    severity = _read(where, "severity", _choice(SEVERITIES), {"severity": "error", **entry})
    key = _read(where, "key", _text, entry, optional=True)
    readers = READERS[name]
    given = {**DEFAULTS, **entry}
    parameters = {each: _read(where, each, readers[each], given, each not in _REQUIRED) for each in kind.parameters}
    try:
        return Check(name, columns or (), _complete(name, columns or (), parameters), severity, key)
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {error.message}") from None


def _read(where: str, key: str, reader: Reader, entry: Mapping[str, Any], optional: bool = False) -> Any:
    """The value of a key; None where it is not there and need not be."""
    if key not in entry:
        if optional:
            return None
        raise InvalidArgument(f"{where}: the key {key!r} is missing; add it")
    try:
        return reader(entry[key])
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {key!r} is {json.dumps(entry[key])}; {error.message}") from None


DEFAULTS = {"max_share": 0.0, "least_windows": LEAST_WINDOWS}
"""The values of keys that an entry leaves out; all others are None."""

_REQUIRED = ("values", "type", "max_age")


def _complete(name: str, columns: tuple[str, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an entry, once those that depend on each other agree."""
    low, high = parameters.get("min"), parameters.get("max")
    if low is not None and high is not None:
        if isinstance(low, str) != isinstance(high, str):
            raise InvalidArgument("'min' and 'max' must both be numbers or both be times")
        if _order(low) > _order(high):
            raise InvalidArgument(f"'min' {low} is above 'max' {high}; exchange them")
    if name == "range" and low is None and high is None:
        raise InvalidArgument("the range has no end; give 'min', 'max' or both")
    if name == "format" and (parameters["class"] is None) == (parameters["pattern"] is None):
        raise InvalidArgument("give either 'class' or 'pattern'")
    if name == "row_count":
        if bool(columns) != (parameters["every"] is not None):
            raise InvalidArgument("'column' and 'every' go together: rows are counted by the times in the column")
        if parameters["every"] is not None and parameters["max_z"] is None:
            parameters["max_z"] = MAX_Z
        if low is None and high is None and parameters["max_z"] is None:
            raise InvalidArgument("nothing to hold the count against; give 'min', 'max' or 'max_z'")
    return parameters


def _order(bound: float | str) -> Any:
    return datetime.fromisoformat(bound) if isinstance(bound, str) else bound


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgument("it must be the name of a column")
    return value


def _column(value: Any) -> tuple[str, ...]:
    return (_text(value),)


def _columns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise InvalidArgument("it must be an array of names of columns")
    if len(set(value)) < len(value):
        raise InvalidArgument("a column stands twice in it")
    return tuple(value)


def _share(value: Any) -> float:
    if not _is_number(value) or not 0 <= value < 1:
        raise InvalidArgument("it must be a share of rows, from 0 to below 1")
    return float(value)


def _bound(value: Any) -> float | str:
    if _is_number(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        try:
            if datetime.fromisoformat(value).tzinfo is None:
                return value
        except ValueError:
            pass
    raise InvalidArgument("it must be a number, or a date or time without zone such as '2024-01-31' as text")


def _values(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidArgument("it must be an array with at least one value")
    for each in value:
        if not (isinstance(each, (str, bool)) or _is_number(each)):
            raise InvalidArgument(f"{json.dumps(each)} in it is no text, number, true or false")
    return tuple(value)


def _choice(known: Iterable[str]) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise InvalidArgument(_closest(value, known))
        return value

    return read


def _type(value: Any) -> str:
    """The name of a type in lower case: a logical one, or what an engine calls one of its own."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"known are: {', '.join(COLUMN_TYPES)}, and what the engine calls its types")
    return " ".join(value.lower().split())


def _duration(value: Any) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise InvalidArgument("it must be a whole number and a unit, such as '90 minutes', '36 hours' or '2 days'")
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _count(value: Any) -> int:
    return _whole(value, 0, 2**63 - 1, "it must be a number of rows, from 0")


def _windows(value: Any) -> int:
    return _whole(value, 1, HISTORY_WINDOWS, f"it must be a number of windows, from 1 to {HISTORY_WINDOWS}")


def _whole(value: Any, least: int, greatest: int, otherwise: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
        raise InvalidArgument(otherwise)
    return int(value)


def _positive(value: Any) -> float:
    if not _is_number(value) or value <= 0:
        raise InvalidArgument("it must be a number above 0")
    return float(value)


def _shared_pattern(value: Any) -> str:
    """A pattern that means the same in RE2, which DuckDB has, and in PostgreSQL."""
    remedy = (
        "use what both engines share: characters, '.', [classes], groups, '|', '^', '$', *, +, ?, {m,n} up to 255, and "
        "a backslash before punctuation only"
    )
    if not isinstance(value, str) or not value or not _PATTERN.fullmatch(value):
        raise InvalidArgument(remedy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(value)
    except re.error as error:
        raise InvalidArgument(f"it is no pattern: {error}") from None
    if any(int(times) > 255 for times in re.findall(r"\d+", "".join(re.findall(r"\{[\d,]*\}", value)))):
        raise InvalidArgument(remedy)
    return value


def _closest(name: Any, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(str(name).lower(), names, n=3)
    known_text = f"known are: {', '.join(names)}"
    return f"closest: {', '.join(close)}; {known_text}" if close else known_text


_DURATION = re.compile(r"([1-9][0-9]{0,6}) (second|minute|hour|day|week)s?")

_PATTERN = re.compile(
    r"""(?: [|^$] | \((?:\?:)?
          | (?: [^\\\[\]{}()|^$*+?] | \\[!-/:-@\[-^`{-~] | \) | \[\^?(?: [^\\\[\]] | \\[!-/:-@\[-^`{-~] )+\] )
            (?: [*+?] | \{[0-9]{1,3}(?:,[0-9]{0,3})?\} )?
        )+""",
    re.VERBOSE,
)

READERS: dict[str, dict[str, Reader]] = {
    "not_null": {"max_share": _share},
    "unique": {},
    "range": {"min": _bound, "max": _bound, "max_share": _share},
    "allowed_values": {"values": _values, "max_share": _share},
    "type": {"type": _type},
    "format": {"class": _choice(FORMATS), "pattern": _shared_pattern, "max_share": _share},
    "sentinel": {"values": _values, "max_share": _share},
    "freshness": {"max_age": _duration},
    "row_count": {
        "min": _count,
        "max": _count,
        "every": _choice(PERIODS),
        "max_z": _positive,
        "least_windows": _windows,
    },
}
"""By check and key how its value is read."""
