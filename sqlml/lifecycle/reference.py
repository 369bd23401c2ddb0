"""Keep, with a new version, what its held-out rows looked like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.fit.chunks import plain_array
from sqlml.fit.threads import aside, by_column
from sqlml.kernel.doubles import doubles
from sqlml.kernel.scorer import labels, probabilities
from sqlml.lifecycle.evaluate import Judged
from sqlml.lifecycle.monitored import UNBINNED, monitored_types, output_name
from sqlml.lifecycle.realised import primary_with_error
from sqlml.measure.bins import Bins, bin_labels, bin_places, reference_bins
from sqlml.registry.model import Address
from sqlml.registry.reference import (
    ReferenceColumn,
    add_reference,
    add_reference_counts,
    add_reference_rows,
)
from sqlml.spec import Model

SAMPLE_ROWS = 2_000
"""How many held-out rows are kept whole; their values are compared with those of later windows."""


def keep_reference(session: Session, address: Address, judged: Judged, features: pa.Table, seed: int) -> None:
    """Write down the profile of the held-out rows, their bins and counts, a sample, and the primary metric.

    ``judged`` are the answers to the rows of ``features``, whose columns are those that the model reads. Call it in
    the transaction that adds the version.
    """
    held_out, types = _with_answers(judged, features), monitored_types(judged.model)
    with aside(lambda: primary_with_error(replace(judged, weight=None)), len(held_out)) as primary:
        profiled = by_column(lambda item: _profiled(held_out, judged.model, *item), types.items(), len(held_out))
    columns = [column for column, _ in profiled]
    counts = [(column.name, place, n) for column, counted in profiled for place, n in counted]
    add_reference(session, address, columns, primary())
    bins = {column.name: column.bins for column in columns if column.bins is not None}
    add_reference_counts(session, address, sorted(counts), bins)
    with session.temporary(_sample(held_out, seed)) as source:
        add_reference_rows(session, address, _scored_form(session, judged.model, source, features.schema))


def _with_answers(judged: Judged, features: pa.Table) -> pa.Table:
    """The held-out rows with what a prediction table would hold for them."""
    model, output = judged.model, judged.output
    prediction = np.max(probabilities(model, output), axis=1) if model.task == "multiclass" else output[:, 0]
    label = pa.nulls(len(output), pa.string())
    if model.task != "regression":
        label = pa.array(labels(model, output), pa.string())
    return features.append_column("sqlml_prediction", pa.array(prediction)).append_column("sqlml_label", label)


def _scored_form(session: Session, model: Model, source: exp.Table, schema: pa.Schema) -> exp.Select:
    """Rows of ``prediction, label, features``, as scoring writes them."""
    names = [column.name for column in model.columns]
    document = session.json_object({name: schema.field(name).type for name in names}, "r")
    return exp.select(
        exp.column("sqlml_prediction").as_("prediction"),
        exp.column("sqlml_label").as_("label"),
        document.as_("features"),
    ).from_(exp.alias_(source, "r", table=True))


def _values_of(held_out: pa.Table, model: Model, name: str) -> pa.Array:
    """The values of a monitored column, as :func:`sqlml.lifecycle.monitored.typed_rows` reads them of later rows."""
    if name == output_name(model):
        return plain_array(held_out.column("sqlml_label" if model.task == "multiclass" else "sqlml_prediction"))
    values = plain_array(held_out.column(name))
    is_number = any(column.name == name and column.type in ("integer", "number") for column in model.columns)
    return numbers_of_json(values) if is_number else values


def numbers_of_json(values: pa.Array) -> pa.Array:
    """Numbers as they come back out of JSON: the double nearest to the text, NULL for a NaN or an infinity.

    >>> numbers_of_json(pa.array([1.5, float("inf"), None])).to_pylist()
    [1.5, None, None]
    """
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.string()).cast(pa.float64())
    numbers = doubles(values)
    return pa.array(numbers, mask=~np.isfinite(numbers))


def _profiled(held_out: pa.Table, model: Model, name: str, type_: str) -> tuple[ReferenceColumn, list[tuple[int, int]]]:
    """The profile of a column, and how many rows fall into each of its bins."""
    values = _values_of(held_out, model, name)
    bins = None if type_ in UNBINNED else reference_bins(values)
    column = ReferenceColumn(name, type_, bins, len(values), values.null_count)
    return column, [] if bins is None else _counts(bins, values)


def _counts(bins: Bins, values: pa.Array) -> list[tuple[int, int]]:
    """How many values fall into each filled bin, as :func:`sqlml.measure.counts.counts_select` counts them in SQL."""
    counts = np.bincount(bin_places(bins, values), minlength=len(bin_labels(bins))).tolist()
    return [(place, n) for place, n in enumerate(counts) if n or place in bins.open_bins()]


def _sample(rows: pa.Table, seed: int) -> pa.Table:
    if len(rows) <= SAMPLE_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), SAMPLE_ROWS, replace=False)
    return rows.take(pa.array(np.sort(chosen)))
