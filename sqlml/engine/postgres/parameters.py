"""Named parameters in a statement for PostgreSQL, which knows only numbered ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_PARTS = re.compile(
    r"""
    [eE]'(?:[^'\\]|''|\\.)*'                # a string with escapes
    | '(?:[^']|'')*'                        # a string
    | "(?:[^"]|"")*"                        # a quoted name
    | --[^\n]*                              # a comment to the end of the line
    | /\*.*?\*/                             # a comment
    | \$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$  # a string in dollars
    | (?<![\w$])\$(?P<name>[A-Za-z_]\w*)    # a parameter
    """,
    re.VERBOSE | re.DOTALL,
)


def numbered(sql: str, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The statement with ``$1``, ``$2``, ... for its named parameters, and their values in that order.

    >>> numbered("SELECT '$a', $a, $b, $a", {"a": 1, "b": None})
    ("SELECT '$a', $1, $2, $1", [1, None])
    """
    order: dict[str, int] = {}
    text = _replaced(sql, parameters, lambda name: f"${order.setdefault(name, len(order) + 1)}")
    return text, [parameters[name] for name in order]


def with_literals(sql: str, parameters: Mapping[str, Any], literal: Callable[[Any], str]) -> str:
    """The statement with literals for its named parameters, each as ``literal`` writes it.

    >>> with_literals("SELECT $a, $other", {"a": 1}, str)
    'SELECT 1, $other'
    """
    return _replaced(sql, parameters, lambda name: literal(parameters[name]))


def _replaced(sql: str, parameters: Mapping[str, Any], replacement: Callable[[str], str]) -> str:
    """The statement with its parameters replaced; what stands in strings, names and comments stays."""
    if not parameters:
        return sql

    def part(found: re.Match[str]) -> str:
        name = found["name"]
        return found[0] if name is None or name not in parameters else replacement(name)

    return _PARTS.sub(part, sql)
