"""Score the rows of a relation into a prediction table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Engine, Parameters, Part, Parts, Relation, Session
from sqlml.engine.relation import writable_table
from sqlml.errors import InvalidData
from sqlml.kernel.encode import encode, unseen
from sqlml.kernel.scorer import labels, probabilities
from sqlml.lifecycle.arguments import Report, named_column, refuse_no_time, silent
from sqlml.lifecycle.predict import LoadedVersion, load_version
from sqlml.measure.formula import by_bytes, quoted
from sqlml.registry.model import resolve
from sqlml.registry.prediction_table import (
    check_key_name,
    check_prediction_table,
    create_prediction_table,
    index_prediction_table,
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

    @property
    def has_text_key(self) -> bool:
        """Whether keys are texts, which a collation of their column could take for equal that are not."""
        kind = self.schema.field(self.key).type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


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
        engine.lock_table(writable_table(into, engine.dialect, "into"))
        source = _source(engine, relation, into, key_column, time_column)
        if not source.into_exists:
            create_prediction_table(engine, source.into, source.relation, source.key)
        remember_prediction_table(engine, owner, version.address.model, source.into, source.key, source.time)
        rows_in, added, unknown = _score_unscored(engine, source, version, run, alias, report)
        if source.into_exists:
            # Last, as others who write to the table wait for it until all is committed.
            index_prediction_table(engine, source.into, source.key)
        _write_down(owner, run, version, rows_in, added, unknown)
    return {"run_id": run.run_id, "rows": added, "version": version.address.version}


def _score_unscored(
    engine: Engine, source: _Source, version: LoadedVersion, run: Run, alias: str | None, report: Report
) -> tuple[int, int, Counter[str]]:
    """Write the predictions that are not there yet.

    Returns
    -------
    How many rows the source has, how many predictions were added, and by column how many categories were unseen.
    """
    names = _model_columns(version, source.schema)
    query, document = _unscored(source, version, names), _document(engine, source, version, names)
    with engine.parts(query, source.relation.parameters, _places(names), {"features": document}) as parts:
        rows_in = _check_keys(engine, source, parts)
        added, unknown = 0, Counter[str]()
        for part, rows, raw in _with_scores(version, names, parts.parts):
            part.write(_answers(version, raw), lambda written: _insert(source, written, version, run, alias))
            unknown.update(unseen(version.model.features, version.columns(rows)))
            added += len(rows)
            report("scoring", added, rows_in)
    return rows_in, added, unknown


def _alias(model: str) -> str | None:
    """The alias through which a version was asked for; None where the version itself was named."""
    asked = model.partition("@")[2] or "champion"
    return None if asked.isdigit() else asked


def _source(engine: Engine, relation: str, into: str, key_column: str, time_column: str | None) -> _Source:
    given = engine.relation(relation)
    schema = engine.arrow(given.select().limit(0).sql(engine.dialect), given.parameters).schema
    key = named_column(schema.names, "key_column", key_column, relation)
    check_key_name(key)
    time = None if time_column is None else named_column(schema.names, "time_column", time_column, relation)
    if time is not None:
        refuse_no_time("time_column", schema.field(time), relation)
    table = writable_table(into, engine.dialect, "into")
    exists = engine.has_table(table)
    if exists:
        check_prediction_table(engine, table, key)
    return _Source(given, schema, key, time, table, exists)


def _check_keys(engine: Engine, source: _Source, parts: Parts) -> int:
    """How many rows the source has; a key that is NULL or stands twice is refused.

    The rows that are to be written are looked at, on a server just as they are read, whatever others write meanwhile.
    Where rows were scored before, those are looked at as well.
    """
    time = None if source.time is None else exp.column("event_time")
    unscored = _check_rows(engine, source, parts.source, parts.parameters, exp.column("key_value"), time)
    if not source.into_exists:
        return unscored
    relation = source.relation
    time = None if source.time is None else quoted(source.time)
    return _check_rows(engine, source, relation.source, relation.parameters, quoted(source.key), time)


def _check_rows(
    engine: Engine, source: _Source, rows: exp.Expr, parameters: Parameters, key: exp.Column, time: exp.Column | None
) -> int:
    """How many of these rows there are, known by ``key`` and ``time``; see :func:`_check_keys`."""
    identity: dict[str, exp.Expr] = {"sqlml_key": key}
    if source.has_text_key:
        identity["sqlml_key"] = by_bytes(exp.cast(key, "VARCHAR"))
    if time is not None:
        identity["sqlml_time"] = time
    counts = [exp.Count(this=value.copy()) for value in (exp.Star(), *identity.values())]
    distinct = exp.Count(this=exp.Distinct(expressions=[identity["sqlml_key"].copy()]))
    asked = exp.select(*counts, distinct).from_(rows.copy())
    n, *known = engine.rows(asked.sql(engine.dialect), parameters)[0]
    if any(each != n for each in known):
        _refuse_keys(engine, source, rows, parameters, identity)
    return int(n)


def _refuse_keys(
    engine: Engine, source: _Source, rows: exp.Expr, parameters: Parameters, identity: dict[str, exp.Expr]
) -> None:
    """Refuse rows whose key or time is NULL, or that have both in common."""
    columns = [value.as_(name) for name, value in identity.items()]
    counted = exp.select(*columns, exp.Count(this=exp.Star()).as_("sqlml_n")).from_(rows.copy())
    groups = counted.group_by(*identity.values())
    missing = exp.or_(*[exp.column(name).is_(exp.null()) for name in identity])
    totals = exp.select(
        exp.func("coalesce", exp.func("sum", exp.case().when(missing, "sqlml_n").else_("0")), exp.Literal.number(0)),
        "count(CASE WHEN sqlml_n > 1 THEN 1 END)",
        exp.func("min", exp.case().when("sqlml_n > 1", by_bytes(exp.cast(exp.column("sqlml_key"), "VARCHAR")))),
    ).from_(groups.subquery("grouped"))
    nulls, doubled, example = engine.rows(totals.sql(engine.dialect), parameters)[0]
    relation = source.relation.text
    named = " and ".join(repr(name) for name in (source.key, source.time) if name is not None)
    if nulls:
        raise InvalidData(f"{nulls} rows of {relation!r} have no {named}; leave them out with WHERE ... IS NOT NULL")
    if doubled:
        raise InvalidData(
            f"{doubled} values of {named} stand more than once in {relation!r}, for example {example!r}; "
            "a prediction needs a key of its own"
        )


def _with_scores(
    version: LoadedVersion, names: Sequence[str], parts: Iterator[Part]
) -> Iterator[tuple[Part, pa.StructArray, np.ndarray]]:
    """Each part with its rows and their raw scores, which are made while the part before it is written.

    The scores take no lock of Python's, so that they are made beside a statement even where that holds it.
    """
    waiting: tuple[Part, pa.StructArray, Future[np.ndarray]] | None = None
    with ThreadPoolExecutor(1) as beside:
        for part in parts:
            rows = part.rows.rename_columns(names).to_struct_array()
            scores = beside.submit(version.scorer.raw, encode(version.model.features, version.columns(rows)))
            if waiting is not None:
                yield waiting[0], waiting[1], waiting[2].result()
            waiting = part, rows, scores
        if waiting is not None:
            yield waiting[0], waiting[1], waiting[2].result()


def _unscored(source: _Source, version: LoadedVersion, names: Sequence[str]) -> exp.Select:
    """The rows that have no prediction of this version: key, event time, and the columns of the model by place."""
    event_time = exp.cast(exp.null() if source.time is None else quoted(source.time, "r"), "TIMESTAMP")
    rows = source.relation.select(
        quoted(source.key, "r").as_("key_value"),
        event_time.as_("event_time"),
        *[quoted(name, "r").as_(place) for name, place in zip(names, _places(names), strict=True)],
        alias="r",
    )
    if not source.into_exists:
        return rows
    known = [
        quoted(source.key, "p").eq(quoted(source.key, "r")),
        exp.column("model", "p").eq(exp.Literal.string(version.address.model)),
        exp.column("version", "p").eq(exp.Literal.number(version.address.version)),
    ]
    if source.has_text_key:
        # What a collation takes for equal are two keys all the same; an index on the key serves the first equation.
        pair = [by_bytes(exp.cast(quoted(source.key, side), "VARCHAR")) for side in ("p", "r")]
        known.append(exp.EQ(this=pair[0], expression=pair[1]))
    if source.time is not None:
        known.append(exp.column("event_time", "p").eq(event_time.copy()))
    scored = exp.select("1").from_(exp.alias_(source.into.copy(), "p", table=True)).where(*known)
    return rows.where(exp.not_(exp.Exists(this=scored)))


def _places(names: Sequence[str]) -> list[str]:
    """What the columns of the model are called on their way: names of theirs could be ours, or too long."""
    return [f"c{position}" for position in range(len(names))]


def _model_columns(version: LoadedVersion, schema: pa.Schema) -> list[str]:
    """The exact names, in the source, of the columns that the model reads."""
    row = pa.StructArray.from_arrays([pa.nulls(0, field.type) for field in schema], fields=list(schema))
    version.columns(row)
    return [schema.names[position] for position in version.positions[row.type]]


def _answers(version: LoadedVersion, raw: np.ndarray) -> pa.Table:
    """The prediction and the label of every row."""
    output = version.scorer.output(raw)
    label = pa.nulls(len(raw), pa.string())
    prediction = output[:, 0]
    if version.model.task != "regression":
        label = pa.array(labels(version.model, output), pa.string())
    if version.model.task == "multiclass":
        prediction = np.max(probabilities(version.model, output), axis=1)
    return pa.table({"prediction": prediction, "label": label})


def _document(engine: Engine, source: _Source, version: LoadedVersion, names: Sequence[str]) -> exp.Expression:
    """What the version reads of a row, as one JSON object."""
    places = _places(names)
    return engine.json_object(
        {place: source.schema.field(name).type for place, name in zip(places, names, strict=True)},
        "given",
        {place: column.name for place, column in zip(places, version.model.columns, strict=True)},
    )


def _insert(source: _Source, written: exp.Expr, version: LoadedVersion, run: Run, alias: str | None) -> exp.Insert:
    """The statement that writes rows and their answers into the prediction table."""
    role = None if alias is None else "champion" if alias == "champion" else "challenger"
    values: dict[str, exp.Expr] = {
        source.key: exp.column("key_value", "a"),
        "event_time": exp.column("event_time", "a"),
        "predicted_at": exp.cast(exp.Literal.string(utc_now().isoformat(" ")), "TIMESTAMP"),
        "model": exp.Literal.string(version.address.model),
        "version": exp.Literal.number(version.address.version),
        "alias": exp.null() if alias is None else exp.Literal.string(alias),
        "role": exp.null() if role is None else exp.Literal.string(role),
        "run_id": exp.Literal.string(run.run_id),
        "prediction": exp.column("prediction", "a"),
        "label": exp.column("label", "a"),
        "features": exp.column("features", "a"),
    }
    rows = exp.select(*values.values()).from_(exp.alias_(written, "a", table=True))
    columns = [exp.to_identifier(name, quoted=True) for name in values]
    return exp.insert(rows, source.into.copy(), columns=columns)


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
