"""Keep, with a new version, what its held-out rows looked like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.kernel.scorer import labels, probabilities
from sqlml.lifecycle.evaluate import Judged
from sqlml.lifecycle.monitored import UNBINNED, monitored_types, typed_rows
from sqlml.lifecycle.realised import primary_with_error
from sqlml.measure.bins import reference_bins
from sqlml.measure.counts import counts_select
from sqlml.registry.model import Address
from sqlml.registry.prediction_table import quoted
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
    model = judged.model
    held_out = _with_answers(judged, features)
    with session.temporary(held_out) as source:
        plain = _plain(model, features.schema)
        rows = _with_plain(_scored_form(session, model, source, features.schema, plain), features.schema, plain)
        with session.materialized(typed_rows(session, model, rows, plain=plain)) as typed:
            columns = _columns(session, model, typed)
            bins = {column.name: column.bins for column in columns if column.bins is not None}
            counts = exp.select("column_name", "bin", "n").from_(counts_select(typed, bins).subquery("counted"))
            ordered = counts.order_by("column_name", "bin").sql(session.dialect)
            add_reference(session, address, columns, primary_with_error(replace(judged, weight=None)))
            add_reference_counts(session, address, [tuple(row) for row in session.rows(ordered)], bins)
    with session.temporary(_sample(held_out, seed)) as source:
        add_reference_rows(session, address, _scored_form(session, model, source, features.schema))


def _with_answers(judged: Judged, features: pa.Table) -> pa.Table:
    """The held-out rows with what a prediction table would hold for them."""
    model, output = judged.model, judged.output
    prediction = np.max(probabilities(model, output), axis=1) if model.task == "multiclass" else output[:, 0]
    label = pa.nulls(len(output), pa.string())
    if model.task != "regression":
        label = pa.array(labels(model, output), pa.string())
    return features.append_column("sqlml_prediction", pa.array(prediction)).append_column("sqlml_label", label)


def _plain(model: Model, schema: pa.Schema) -> dict[str, str]:
    """The columns whose values come back out of JSON as the doubles that they are, with a name for each on the way."""
    numbers = [column.name for column in model.columns if column.type in ("integer", "number")]
    kinds = {name: schema.field(name).type for name in numbers}
    same = [name for name, kind in kinds.items() if pa.types.is_float64(kind) or pa.types.is_integer(kind)]
    return {name: f"plain_{position}" for position, name in enumerate(same)}


def _with_plain(rows: exp.Select, schema: pa.Schema, plain: Mapping[str, str]) -> exp.Select:
    """The rows with these columns beside the document: NULL where JSON has no such number."""
    for name, place in plain.items():
        value: exp.Expression = quoted(name, "r")
        if pa.types.is_floating(schema.field(name).type):
            finite = exp.EQ(this=exp.Sub(this=value, expression=value.copy()), expression=exp.Literal.number(0))
            value = exp.case().when(finite, value.copy())
        rows = rows.select(exp.cast(value, "DOUBLE").as_(place))
    return rows


def _scored_form(
    session: Session, model: Model, source: exp.Table, schema: pa.Schema, without: Collection[str] = ()
) -> exp.Select:
    """Rows of ``prediction, label, features``, as scoring writes them."""
    names = [column.name for column in model.columns if column.name not in without]
    document = session.json_object({name: schema.field(name).type for name in names}, "r")
    return exp.select(
        exp.column("sqlml_prediction").as_("prediction"),
        exp.column("sqlml_label").as_("label"),
        document.as_("features"),
    ).from_(exp.alias_(source, "r", table=True))


def _columns(session: Session, model: Model, typed: exp.Table) -> list[ReferenceColumn]:
    types = monitored_types(model)
    values = session.arrow(exp.select(*map(quoted, types)).from_(typed).sql(session.dialect))
    return [
        ReferenceColumn(
            name=name,
            type=type_,
            bins=None if type_ in UNBINNED else reference_bins(values.column(name)),
            n=len(values),
            n_missing=values.column(name).null_count,
        )
        for name, type_ in types.items()
    ]


def _sample(rows: pa.Table, seed: int) -> pa.Table:
    if len(rows) <= SAMPLE_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), SAMPLE_ROWS, replace=False)
    return rows.take(pa.array(np.sort(chosen)))
