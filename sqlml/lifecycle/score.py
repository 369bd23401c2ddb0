"""Score the rows of a relation into a prediction table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Engine, Parameters, Relation, Session
from sqlml.engine.relation import writable_table
from sqlml.errors import InvalidData
from sqlml.fit.names import found_column, unknown_name
from sqlml.kernel.encode import unseen
from sqlml.kernel.scorer import labels, probabilities
from sqlml.lifecycle.arguments import Report, refuse_no_time, silent
from sqlml.lifecycle.predict import LoadedVersion, load_version
from sqlml.registry.model import resolve
from sqlml.registry.prediction_table import (
    check_key_name,
    check_prediction_table,
    create_prediction_table,
    prediction_schema,
    quoted,
    remember_prediction_table,
)
from sqlml.registry.run import Metric, Run, add_metrics, finish_run, utc_now


@dataclass(frozen=True)
class _Source:
    """The rows to score: the relation, the exact names of its key and time, and where the predictions go."""

    relation: Relation
    schema: pa.Schema
    key: str
    time: str | None
    into: exp.Table
    into_exists: bool


def score(
    engine: Engine,
    model: str,
    relation: str,
    into: str,
    key_column: str,
    time_column: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Score every row of a relation that has no prediction of this version yet.

    The prediction table is created where there is none. A row is known by its key, and by its event time where
    ``time_column`` is given; a second run for the same rows and version adds nothing. All rows are written in
    one transaction. ``prediction`` is the value of a regression, the probability of the positive class, or of
    the predicted class of a multiclass model. Unseen categories are counted in ``sqlml.metric``.

    Returns
    -------
    ``run_id, rows, version``: ``rows`` were added.

    Raises
    ------
    InvalidData
        Where a key or time is absent, a key is NULL or stands twice, or ``into`` is no prediction table of it.
    FeatureMismatch
        Where the relation lacks a column of the model.
    """
    run = Run("score")
    version = load_version(engine, resolve(engine, model))
    alias = _alias(model)
    with engine.transaction() as owner:
        engine.lock(f"score into {into}")
        source = _source(engine, relation, into, key_column, time_column)
        rows_in = _check_keys(engine, source)
        if not source.into_exists:
            create_prediction_table(engine, source.into, source.relation, source.key)
        remember_prediction_table(owner, version.address.model, source.into, source.key, source.time)
        added, unknown = 0, Counter[str]()
        for batch in engine.batches(*_unscored(engine, source, version)):
            engine.append(source.into, _predictions(version, batch, source, run, alias))
            unknown.update(unseen(version.model.features, version.columns(batch.to_struct_array())))
            added += batch.num_rows
            report("scoring", added, rows_in)
        _write_down(owner, run, version, rows_in, added, unknown)
    return {"run_id": run.run_id, "rows": added, "version": version.address.version}


def _alias(model: str) -> str | None:
    """The alias through which a version was asked for; None where the version itself was named."""
    asked = model.partition("@")[2] or "champion"
    return None if asked.isdigit() else asked


def _source(engine: Engine, relation: str, into: str, key_column: str, time_column: str | None) -> _Source:
    given = engine.relation(relation)
    schema = engine.arrow(given.select().limit(0).sql(engine.dialect), given.parameters).schema
    key = _column(schema, key_column, "key_column", relation)
    check_key_name(key)
    time = None if time_column is None else _column(schema, time_column, "time_column", relation)
    if time is not None:
        refuse_no_time("time_column", schema.field(time), relation)
    table = writable_table(into, engine.dialect, "into")
    exists = engine.has_table(table)
    if exists:
        check_prediction_table(engine, table, key)
    return _Source(given, schema, key, time, table, exists)


def _column(schema: pa.Schema, name: str, argument: str, relation: str) -> str:
    found = found_column(name, schema.names) if isinstance(name, str) else None
    if found is None:
        raise InvalidData(
            f"{argument} => {name!r} is no column of {relation!r}; {unknown_name(str(name), schema.names)}"
        )
    return found


def _check_keys(engine: Engine, source: _Source) -> int:
    """How many rows the source has; a key that is NULL or stands twice is refused."""
    identity = [quoted(name) for name in (source.key, source.time) if name is not None]
    groups = source.relation.select(*identity, exp.Count(this=exp.Star()).as_("n")).group_by(*identity)
    missing = exp.or_(*[column.copy().is_(exp.null()) for column in identity])
    totals = exp.select(
        "coalesce(sum(n), 0)",
        exp.func("coalesce", exp.func("sum", exp.case().when(missing, "n").else_("0")), exp.Literal.number(0)),
        "count(CASE WHEN n > 1 THEN 1 END)",
        exp.func("min", exp.case().when("n > 1", exp.cast(quoted(source.key), "VARCHAR"))),
    ).from_(groups.subquery("grouped"))
    rows, nulls, doubled, example = engine.rows(totals.sql(engine.dialect), source.relation.parameters)[0]
    relation = source.relation.text
    named = " and ".join(repr(name) for name in (source.key, source.time) if name is not None)
    if nulls:
        raise InvalidData(f"{nulls} rows of {relation!r} have no {named}; leave them out with WHERE ... IS NOT NULL")
    if doubled:
        raise InvalidData(
            f"{doubled} values of {named} stand more than once in {relation!r}, for example {example!r}; "
            "a prediction needs a key of its own"
        )
    return int(rows)


def _unscored(engine: Engine, source: _Source, version: LoadedVersion) -> tuple[str, Parameters]:
    """The rows that have no prediction of this version: key, event time, the columns of the model, and as JSON."""
    names = _model_columns(version, source.schema)
    event_time = exp.cast(exp.null() if source.time is None else quoted(source.time, "r"), "TIMESTAMP")
    rows = source.relation.select(
        quoted(source.key, "r").as_("key_value"),
        event_time.as_("event_time"),
        engine.json_object(
            {name: source.schema.field(name).type for name in names},
            "r",
            {name: column.name for name, column in zip(names, version.model.columns, strict=True)},
        ).as_("features_json"),
        *[quoted(name, "r") for name in names],
        alias="r",
    )
    if source.into_exists:
        known = [
            quoted(source.key, "p").eq(quoted(source.key, "r")),
            exp.column("model", "p").eq(exp.Literal.string(version.address.model)),
            exp.column("version", "p").eq(exp.Literal.number(version.address.version)),
        ]
        if source.time is not None:
            known.append(exp.column("event_time", "p").eq(event_time.copy()))
        scored = exp.select("1").from_(exp.alias_(source.into.copy(), "p", table=True)).where(*known)
        rows = rows.where(exp.not_(exp.Exists(this=scored)))
    return rows.sql(engine.dialect), source.relation.parameters


def _model_columns(version: LoadedVersion, schema: pa.Schema) -> list[str]:
    """The exact names, in the source, of the columns that the model reads."""
    row = pa.StructArray.from_arrays([pa.nulls(0, field.type) for field in schema], fields=list(schema))
    version.columns(row)
    return [schema.names[position] for position in version.positions[row.type]]


def _predictions(
    version: LoadedVersion, batch: pa.RecordBatch, source: _Source, run: Run, alias: str | None
) -> pa.Table:
    """The rows of the prediction table for one batch."""
    output = version.output(batch.select(batch.schema.names[3:]).to_struct_array())
    label: Any = pa.nulls(batch.num_rows, pa.string())
    prediction = output[:, 0]
    if version.model.task != "regression":
        label = pa.array(labels(version.model, output), pa.string())
    if version.model.task == "multiclass":
        prediction = np.max(probabilities(version.model, output), axis=1)
    schema = prediction_schema(pa.field(source.key, source.schema.field(source.key).type))
    constant = {
        "predicted_at": utc_now(),
        "model": version.address.model,
        "version": version.address.version,
        "alias": alias,
        "role": None if alias is None else "champion" if alias == "champion" else "challenger",
        "run_id": run.run_id,
    }
    columns = {
        source.key: batch.column("key_value"),
        "event_time": batch.column("event_time"),
        "prediction": prediction,
        "label": label,
        "features": batch.column("features_json"),
    } | {name: pa.repeat(pa.scalar(value, schema.field(name).type), batch.num_rows) for name, value in constant.items()}
    return pa.table([columns[name] for name in schema.names], names=schema.names)


def _write_down(
    session: Session, run: Run, version: LoadedVersion, rows_in: int, added: int, unknown: Counter[str]
) -> None:
    address = version.address
    finish_run(session, run, address.model, address.version, rows_in=rows_in, rows_out=added)
    metrics = [
        Metric("score", "unseen_categories", float(count), added, slice_key="column", slice_value=column)
        for column, count in sorted(unknown.items())
        if count
    ]
    add_metrics(session, run, address.model, address.version, metrics)
