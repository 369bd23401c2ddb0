"""The columns that a model reads: a name and a logical type each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlml.errors import InvalidSpec

COLUMN_TYPES = ("boolean", "integer", "number", "text", "date", "timestamp")
"""Logical types, the same in every engine. ``integer`` and ``number`` are both scored as double."""

_WIDENS = {
    "boolean": {"boolean"},
    "integer": {"integer", "number", "boolean"},
    "number": {"integer", "number", "boolean"},
    "text": {"text"},
    "date": {"date"},
    "timestamp": {"timestamp", "date"},
}


@dataclass(frozen=True)
class Column:
    """A column of the relation that a model was trained on.

    >>> Column("age", "integer").accepts("number")
    True
    >>> Column("age", "integer").accepts("text")
    False
    """

    name: str
    type: str

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidSpec("a column of the signature has no name")
        if self.type not in COLUMN_TYPES:
            raise InvalidSpec(f"column {self.name!r} has type {self.type!r}; known are {', '.join(COLUMN_TYPES)}")

    def accepts(self, given: str) -> bool:
        """Whether values of logical type ``given`` can be read as this column without losing information."""
        return given in _WIDENS[self.type]
