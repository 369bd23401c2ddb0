"""Arguments as SQL hands them over: JSON as text or already parsed, choices as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlml.errors import InvalidArgument
from sqlml.fit.names import unknown_name

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


def _parsed(value: Any, argument: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except ValueError as error:
        raise InvalidArgument(f"{argument} => {value!r} is not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
