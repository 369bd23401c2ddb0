"""Scoring inside a SELECT: whole vectors of rows in, one value per row out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlml.engine import Engine
from sqlml.errors import FeatureMismatch, InvalidArgument, InvalidName
from sqlml.kernel.arrow_types import sql_name
from sqlml.kernel.encode import locate
from sqlml.kernel.scorer import Scorer, labels, probabilities, scorer
from sqlml.registry.model import Address, load, unknown_address
from sqlml.spec import Model

Session = Callable[[], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class LoadedVersion:
    """A version that is ready to score; ``positions`` remembers where its columns stand in each kind of row."""

    address: Address
    model: Model
    scorer: Scorer
    positions: dict[pa.DataType, tuple[int, ...]] = field(default_factory=dict, compare=False)

    def columns(self, rows: pa.StructArray) -> dict[str, pa.Array]:
        """The columns that the model reads, by name, out of whole rows.

        Raises
        ------
        FeatureMismatch
            Where a column is missing or has the wrong type.
        """
        kind = rows.type
        if kind not in self.positions:
            fields = [kind.field(index) for index in range(kind.num_fields)]
            try:
                found = locate(self.model, [field.name for field in fields], [field.type for field in fields])
            except FeatureMismatch as error:
                raise FeatureMismatch(f"model {str(self.address)!r}: {error.message}") from error
            self.positions[kind] = found
        values = rows.flatten()
        return {
            column.name: values[position]
            for column, position in zip(self.model.columns, self.positions[kind], strict=True)
        }

    def output(self, rows: pa.StructArray) -> np.ndarray:
        """The output of every row, float64 of shape (rows, outputs)."""
        return self.scorer.output(self.scorer.raw_rows(self.columns(rows)))


def load_version(engine: Engine, address: Address) -> LoadedVersion:
    """Read a version and make it ready to score."""
    model, _ = load(engine, address)
    return LoadedVersion(address, model, scorer(model))


VERSIONS_KEPT = 64
"""So many versions stay ready, those that were read last: a service that runs for months scores with many more."""


class VersionCache:
    """The versions that this process has scored with. A version never changes, so none goes stale."""

    def __init__(self) -> None:
        self._loaded: dict[Address, LoadedVersion] = {}
        self._loading = threading.Lock()

    def get(self, session: Session, address: Address) -> LoadedVersion:
        """The version, read at its first use."""
        found = self._loaded.get(address)
        if found is None:
            with self._loading:
                found = self._loaded.get(address)
                if found is None:
                    with session() as engine:
                        found = load_version(engine, address)
                    if len(self._loaded) >= VERSIONS_KEPT:
                        del self._loaded[next(iter(self._loaded))]
                    self._loaded[address] = found
        return found


def predict(version: LoadedVersion, rows: pa.StructArray) -> pa.Array:
    """The value of a regression, or the probability of the positive class.

    Raises
    ------
    InvalidArgument
        For a multiclass model, which has no single number.
    """
    if version.model.task == "multiclass":
        raise InvalidArgument(
            f"model {str(version.address)!r} is multiclass and has no single value; "
            "use predict_label(model, features) or predict_proba(model, features)"
        )
    return pa.array(version.output(rows)[:, 0])


def predict_label(version: LoadedVersion, rows: pa.StructArray) -> pa.Array:
    """The class of every row, in the words of the training data."""
    _refuse_regression(version, "predict_label")
    return pa.array(labels(version.model, version.output(rows)), pa.string())


def predict_proba(version: LoadedVersion, rows: pa.StructArray) -> pa.Array:
    """A JSON object from class to probability for every row."""
    _refuse_regression(version, "predict_proba")
    classes = version.model.classes
    shares = probabilities(version.model, version.output(rows)).tolist()
    return pa.array([json.dumps(dict(zip(classes, row, strict=True)), ensure_ascii=False) for row in shares])


def raw_score(version: LoadedVersion, rows: pa.StructArray) -> pa.Array:
    """The score before the link function, one list per row with one entry per output."""
    raw = version.scorer.raw_rows(version.columns(rows))
    offsets = np.arange(0, raw.size + 1, raw.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(raw).ravel()))


def _refuse_regression(version: LoadedVersion, function: str) -> None:
    if version.model.task == "regression":
        raise InvalidArgument(
            f"{function}: model {str(version.address)!r} is a regression and has no classes; use predict"
        )


_Scoring = Callable[[LoadedVersion, pa.StructArray], pa.Array]


def _over_vectors(score: _Scoring) -> Callable[..., pa.Array]:
    """The form in which an engine calls: columns of addresses, of versions found for them, and of rows."""

    def run(
        cache: VersionCache, session: Session, addresses: pa.ChunkedArray, versions: pa.ChunkedArray, *features: object
    ) -> pa.Array:
        rows = _whole_rows(features[0])
        parts = list(_by_version(session, addresses, versions))
        if len(parts) == 1:
            return score(cache.get(session, parts[0][0]), rows)
        scored = [score(cache.get(session, address), rows.take(index)) for address, index in parts]
        order = np.argsort(np.concatenate([index.to_numpy() for _, index in parts]))
        return pa.concat_arrays(scored).take(pa.array(order))

    return run


def _whole_rows(features: object) -> pa.StructArray:
    rows = features.combine_chunks() if isinstance(features, pa.ChunkedArray) else features
    if isinstance(rows, pa.ChunkedArray):
        rows = pa.concat_arrays(rows.chunks)
    if not isinstance(rows, pa.StructArray):
        given = sql_name(rows.type) if isinstance(rows, pa.Array) else type(rows).__name__
        raise FeatureMismatch(
            f"features is a value of type {given}, not a row; pass the alias of a relation, as t in "
            "predict('model', t) where it reads FROM my_table AS t, or a literal row such as {'a': 1}"
        )
    return rows


def _by_version(
    session: Session, addresses: pa.ChunkedArray, versions: pa.ChunkedArray
) -> Iterator[tuple[Address, pa.Array]]:
    """Each version that the rows ask for, with the positions of its rows."""
    asked = pa.table({"address": addresses, "version": versions})
    for key in asked.group_by(["address", "version"], use_threads=False).aggregate([]).to_pylist():
        address, version = key["address"], key["version"]
        if version is None:
            if address is None:
                raise InvalidName("model => NULL is not a name: write 'model', 'model@alias' or 'model@version'")
            with session() as engine:
                raise unknown_address(engine, address)
        chosen = pc.and_(pc.equal(addresses, address), pc.equal(versions, version))
        index = pc.indices_nonzero(chosen.combine_chunks())
        yield Address(address.partition("@")[0], version), index.cast(pa.int64())


SCORING_FUNCTIONS: Mapping[str, tuple[Callable[..., pa.Array], str]] = {
    "predict": (_over_vectors(predict), "DOUBLE"),
    "predict_label": (_over_vectors(predict_label), "VARCHAR"),
    "predict_proba": (_over_vectors(predict_proba), "VARCHAR"),
    "raw_score": (_over_vectors(raw_score), "DOUBLE[]"),
}
"""Every scalar function: what computes it, and the SQL type that it returns."""
