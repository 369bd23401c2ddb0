"""From a relation, as an engine gives it, to rows that can be split and fitted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlml.errors import InvalidData
from sqlml.fit.chunks import plain_array
from sqlml.fit.columns import feature_column, group_values, time_values, weight_values
from sqlml.fit.digest import row_digests
from sqlml.fit.roles import Roles, resolved_roles
from sqlml.fit.rows import Rows, Source
from sqlml.fit.target import target_of
from sqlml.fit.threads import by_column

MIN_ROWS = 20


def read_rows(table: pa.Table, roles: Roles, task: str = "auto") -> Rows:
    """Check a relation column by column and put its rows in the order of their digests.

    ``table`` is the relation as an engine gives it, ``roles`` say what its columns are for (other columns are
    ignored where ``features`` are named), ``task`` is a task of the spec or ``auto``; see
    :func:`sqlml.fit.target.target_of`. The key column is no feature, and says which rows a random split holds out.

    Raises
    ------
    InvalidArgument
        A role names no column, or the task is unknown.
    InvalidData
        There are fewer than 20 rows, or a column cannot be used; the message says what to do.

    >>> table = pa.table({"x": range(20), "y": [False, True] * 10})
    >>> rows = read_rows(table, Roles(target="y"))
    >>> rows.task, rows.classes, rows.columns
    ('binary', ('false', 'true'), (Column(name='x', type='integer'),))
    """
    roles = resolved_roles(roles, table.column_names)
    _refuse_own_names(roles.features or ())
    if table.num_rows < MIN_ROWS:
        found = f"only {table.num_rows} rows" if table.num_rows else "no rows"
        raise InvalidData(f"the relation has {found}; a model needs {MIN_ROWS} at least")
    arrays = {name: plain_array(table.column(name)) for name in {*table.column_names} & _named(roles)}
    target = target_of(roles.target, arrays[roles.target], task)
    names = roles.features or ()
    read = by_column(lambda name: feature_column(name, arrays[name]), names, table.num_rows)
    features = [(name, *found) for name, found in zip(names, read, strict=True)]
    weight, time, group, key = roles.weight_column, roles.time_column, roles.group_column, roles.key_column
    rows = Rows(
        task=target.task,
        columns=tuple(column for _, column, _ in features),
        source=Source(pa.table({name: _typed(arrays[name]) for name, _, _ in features})),
        position=np.arange(table.num_rows),
        target=target.values,
        classes=target.classes,
        weight=None if weight is None else weight_values(weight, arrays[weight]),
        time=None if time is None else time_values(time, arrays[time]),
        group=None if group is None else group_values(group, arrays[group]),
        digest=row_digests(_digested(roles, arrays)),
        notes=(*target.notes, *(note for _, _, notes in features for note in notes)),
        key=None if key is None else row_digests(pa.table({key: plain_array(table.column(key))})),
    )
    return rows.take(_order_of(rows.digest))


def _order_of(digest: NDArray[np.uint64]) -> NDArray[np.int64]:
    """What sorts digests; equal ones stay in their order. The quick way is the same where there are none."""
    order = np.argsort(digest)
    ordered = digest[order]
    return order if (ordered[1:] != ordered[:-1]).all() else np.argsort(digest, kind="stable")


def _refuse_own_names(features: Iterable[str]) -> None:
    """Statements that read features beside other things call those ``sqlml_...``."""
    taken = [name for name in features if name.lower().startswith("sqlml_")]
    if taken:
        raise InvalidData(
            f"column {taken[0]!r} begins with sqlml_, as names of sqlml's own do; rename it in the relation: "
            "SELECT ... AS another_name"
        )


def _named(roles: Roles) -> set[str | None]:
    return {roles.target, roles.weight_column, roles.time_column, roles.group_column, *(roles.features or ())}


def _typed(values: pa.Array) -> pa.Array:
    """A bare NULL as a missing number."""
    return values.cast(pa.float64()) if pa.types.is_null(values.type) else values


def _digested(roles: Roles, arrays: dict[str, pa.Array]) -> pa.Table:
    """What makes a row what it is: features by name, and the parts that matter to a fit by part."""
    parts = {part: getattr(roles, part) for part in ("target", "weight_column", "time_column", "group_column")}
    named = {f"\0{part}": arrays[name] for part, name in parts.items() if name is not None}
    return pa.table({**{name: arrays[name] for name in roles.features or ()}, **named})
