"""The rows that a model is fitted on, and what fitting gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlml.fit.chunks import plain_array
from sqlml.fit.roles import Roles
from sqlml.fit.threads import allowed_threads, by_column
from sqlml.kernel.encode import encode
from sqlml.spec import Column, Feature, Model

__all__ = ["Fitted", "Progress", "Roles", "Rows", "Source"]

Doubles = NDArray[np.float64]
Matrices = dict[tuple[Feature, ...], Doubles]

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all, from the thread that fits."""


@dataclass(frozen=True)
class Source:
    """The features of a whole relation, in the order in which it was read."""

    table: pa.Table
    _matrices: Matrices = field(init=False, repr=False, compare=False, default_factory=dict)

    def matrix(self, features: Sequence[Feature]) -> Doubles:
        """The numbers of all rows; see :meth:`Rows.matrix`. They are read once for all parts of the relation."""
        columns = {name: plain_array(self.table.column(name)) for name in self.table.column_names}
        return _kept(self._matrices, tuple(features), lambda: encode(features, columns, allowed_threads()))


@dataclass(frozen=True)
class Rows:
    """Rows ready to be split and fitted, in ascending order of ``digest``.

    ``task`` is binary, multiclass or regression. ``source`` holds exactly ``columns``, the features, of the relation
    that the rows are of, and ``position`` says where in it each of them stands. ``target`` is the value of a regression
    or a class code from 0, and ``classes[code]`` the label in the words of the data (empty for a regression). ``time``
    serves for ordering only (days, microseconds or ranks), ``group`` for equality only, as does ``key``, a hash of the
    key column. ``digest`` depends on the values of a row alone: not on the order of rows, the engine or the number of
    threads. ``notes`` says what a person should know about the data.
    """

    task: str
    columns: tuple[Column, ...]
    source: Source
    position: NDArray[np.int64]
    target: NDArray[np.float64]
    classes: tuple[str, ...]
    weight: NDArray[np.float64] | None
    time: NDArray[np.int64] | None
    group: NDArray[np.uint64] | None
    digest: NDArray[np.uint64]
    notes: tuple[str, ...] = ()
    key: NDArray[np.uint64] | None = None
    _matrices: Matrices = field(init=False, repr=False, compare=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.target)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """The rows at these positions of this object, in the order given; all that is not by row stays as it is."""
        return replace(
            self,
            position=self.position[index],
            target=self.target[index],
            weight=None if self.weight is None else self.weight[index],
            time=None if self.time is None else self.time[index],
            group=None if self.group is None else self.group[index],
            digest=self.digest[index],
            key=None if self.key is None else self.key[index],
        )

    @cached_property
    def table(self) -> pa.Table:
        """The features of these rows; gathered when first asked for, as rows are often sorted and split before."""
        index, table = pa.array(self.position), self.source.table
        columns = by_column(lambda column: column.take(index), table.columns, len(self))
        return pa.Table.from_arrays(columns, schema=table.schema)

    def matrix(self, features: Sequence[Feature]) -> Doubles:
        """The numbers of these rows as :func:`sqlml.kernel.encode.encode` gives them, to be read only.

        The last are kept: a model is fitted and judged on the same, and so are the trials of a search.
        """
        return _kept(self._matrices, tuple(features), lambda: _rows_at(self.source.matrix(features), self.position))


@dataclass(frozen=True)
class Fitted:
    """A fitted model, every hyperparameter that was used, defaults resolved, and what a person should know."""

    model: Model
    hyperparams: dict[str, Any]
    notes: tuple[str, ...] = ()


def _kept(kept: Matrices, features: tuple[Feature, ...], make: Callable[[], Doubles]) -> Doubles:
    """The matrix of these features; the only one that is kept."""
    if features not in kept:
        kept.clear()
        kept[features] = make()
        kept[features].flags.writeable = False
    return kept[features]


def _rows_at(matrix: Doubles, position: NDArray[np.int64]) -> Doubles:
    """Some of the rows of a matrix, each of its columns in one piece."""
    rows = np.empty((len(position), matrix.shape[1]), order="F")
    columns = zip(matrix.T, rows.T, strict=True)
    # With its default mode, which would check the positions, NumPy goes through a copy.
    by_column(lambda pair: np.take(pair[0], position, out=pair[1], mode="clip"), columns, len(position))
    return rows
