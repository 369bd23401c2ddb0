"""The rows that a model is fitted on, and what fitting gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlml.fit.chunks import plain_array
from sqlml.fit.roles import Roles
from sqlml.fit.threads import by_column
from sqlml.spec import Column, Model

__all__ = ["Fitted", "Progress", "Roles", "Rows"]

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all, from the thread that fits."""


def _no_positions() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Rows:
    """Rows ready to be split and fitted, in ascending order of ``digest``.

    ``task`` is binary, multiclass or regression. ``table`` holds exactly ``columns``, the features. ``target`` is
    the value of a regression or a class code from 0, and ``classes[code]`` the label in the words of the data
    (empty for a regression). ``time`` serves for ordering only (days, microseconds or ranks), ``group`` for
    equality only, as does ``key``, a hash of the key column. ``digest`` depends on the values of a row alone: not on
    the order of rows, the engine or the number of threads. ``notes`` says what a person should know about the data.
    ``position`` is where a row stood in the relation as it was read; empty where it was not read from one.
    """

    task: str
    columns: tuple[Column, ...]
    table: pa.Table
    target: NDArray[np.float64]
    classes: tuple[str, ...]
    weight: NDArray[np.float64] | None
    time: NDArray[np.int64] | None
    group: NDArray[np.uint64] | None
    digest: NDArray[np.uint64]
    notes: tuple[str, ...] = ()
    key: NDArray[np.uint64] | None = None
    position: NDArray[np.int64] = field(default_factory=_no_positions)

    def __len__(self) -> int:
        return len(self.target)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """The rows at these positions of this object, in the order given; all that is not by row stays as it is."""
        return replace(
            self,
            table=self._table_at(pa.array(index)),
            target=self.target[index],
            weight=None if self.weight is None else self.weight[index],
            time=None if self.time is None else self.time[index],
            group=None if self.group is None else self.group[index],
            digest=self.digest[index],
            key=None if self.key is None else self.key[index],
            position=self.position[index] if len(self.position) else self.position,
        )

    def _table_at(self, index: pa.Array) -> pa.Table:
        columns = by_column(lambda column: column.take(index), self.table.columns, len(index))
        return pa.Table.from_arrays(columns, schema=self.table.schema) if columns else self.table.take(index)

    def features(self) -> dict[str, pa.Array]:
        """The columns by name as Arrow arrays of one chunk, as ``sqlml.kernel.encode`` reads them."""
        return {column.name: plain_array(self.table.column(column.name)) for column in self.columns}


@dataclass(frozen=True)
class Fitted:
    """A fitted model, every hyperparameter that was used, defaults resolved, and what a person should know."""

    model: Model
    hyperparams: dict[str, Any]
    notes: tuple[str, ...] = ()
