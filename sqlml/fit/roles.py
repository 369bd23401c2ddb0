"""Which column of a relation plays which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.names import found_column, unknown_name


@dataclass(frozen=True)
class Roles:
    """Which column plays which part. Without ``features``, every column that plays no other part is one."""

    target: str
    features: tuple[str, ...] | None = None
    key_column: str | None = None
    time_column: str | None = None
    weight_column: str | None = None
    group_column: str | None = None


PARTS = ("target", "key_column", "time_column", "weight_column", "group_column")
"""The parts of one column each."""


def resolved_roles(roles: Roles, columns: Sequence[str]) -> Roles:
    """The same roles in the spelling of the relation, with every feature named.

    A name means the column of exactly this name, else the one that differs by case only. A column may be a
    feature and order, group or weight the rows as well, where ``features`` says so; the target is nothing else.

    Raises
    ------
    InvalidArgument
        A name is no column, or a column has two parts that exclude each other, or no feature is left.
    InvalidData
        The relation has two columns of one name.
    """
    twice = sorted({column for column in columns if list(columns).count(column) > 1})
    if twice:
        raise InvalidData(f"the relation has two columns named {twice[0]!r}; give them different names with AS")
    named = {part: _column(part, getattr(roles, part), columns) for part in PARTS if getattr(roles, part) is not None}
    for part, column in named.items():
        if part != "target" and column == named["target"]:
            raise InvalidArgument(f"column {column!r} cannot be target and {part} at once")
    features = _features(roles, named, columns)
    return replace(roles, **named, features=features)


def _column(part: str, name: str, columns: Sequence[str]) -> str:
    column = found_column(name, columns)
    if column is None:
        raise InvalidArgument(f"{part} {name!r} is not a column of the relation; {unknown_name(name, columns)}")
    return column


def _features(roles: Roles, named: dict[str, str], columns: Sequence[str]) -> tuple[str, ...]:
    if roles.features is None:
        features = tuple(column for column in columns if column not in named.values())
    else:
        features = tuple(_column("feature", name, columns) for name in roles.features)
    if not features:
        raise InvalidArgument(
            "no feature is left: the relation needs a column besides target, key, time, weight and group"
        )
    for column in features:
        if column == named["target"]:
            raise InvalidArgument(f"column {column!r} is the target and cannot be a feature; take it out of features")
        if features.count(column) > 1:
            raise InvalidArgument(f"column {column!r} stands twice in features; name it once")
    return features
