"""Look at what a model answered in a window: profile, drift, realised performance, and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlglot import exp

from sqlml.engine import Engine, Session
from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.names import found_column, unknown_name
from sqlml.lifecycle.alarm import (
    coverage_conditions,
    drift_conditions,
    missing_conditions,
    performance_conditions,
)
from sqlml.lifecycle.arguments import Report, json_names, silent, utc_time
from sqlml.lifecycle.monitored import monitored_types, numbers_among, output_name, typed_rows, values_of
from sqlml.lifecycle.predict import LoadedVersion, load_version
from sqlml.lifecycle.realised import realised_performance
from sqlml.measure.counts import counts_select
from sqlml.measure.drift import drift_select, ks_select
from sqlml.measure.formula import by_bytes
from sqlml.measure.profile import profile_select
from sqlml.measure.subset import Columns, select
from sqlml.registry.alert import Condition, settle_alerts
from sqlml.registry.model import Address, checked_name, known_task_and_target, unknown_address
from sqlml.registry.monitoring import (
    Window,
    add_measured,
    add_performance,
    add_window,
    last_monitored,
    metrics_of_run,
    timestamp,
)
from sqlml.registry.prediction_table import quoted
from sqlml.registry.queries import query
from sqlml.registry.reference import ReferenceColumn, of_version, reference_columns, reference_metric
from sqlml.registry.run import Run, finish_run
from sqlml.registry.truth import has_truth, latest_truth

V = TypeVar("V")

VALUES_COMPARED = 10_000
"""At most this many rows of a window have their values compared one by one: about as good against 2,000 as all."""

COLUMNS_AT_ONCE = 50
"""So many columns are measured by one statement: PostgreSQL takes 1,664 expressions in one, and a profile has ten for
each number; and the time to plan it grows faster than their number."""

MOST_SLICES = 100
"""A column with more values in the window is no column to slice by."""


@dataclass(frozen=True)
class _Task:
    """What one run looks at; ``source`` are the rows of all prediction tables in the window."""

    run: Run
    window: Window
    slices: tuple[str, ...]
    source: exp.Query
    truth: exp.Table
    has_truth: bool
    owner: Session


def monitor(
    engine: Engine,
    model: str,
    window_start: str | None = None,
    window_end: str | None = None,
    slices: Any = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Measure the predictions of a window, each version by itself, and open and close alerts.

    A prediction lies in the window where its event time, or the time at which it was made where it has none, is from
    ``window_start`` to before ``window_end``. By default the window goes from the end of the last one, or the first
    prediction, to just after the newest prediction. ``slices`` are columns of the model by whose values everything is
    measured apart as well. Running a window again adds to what was written; the views ``sqlml.latest_...`` show the
    newest run of each window. Alerts speak of the newest window: an older one neither opens nor closes any.

    Returns
    -------
    ``run_id, metrics, alerts, predictions, monitored_from, monitored_to, note``: ``metrics`` numbers were written about
    ``predictions``, and ``alerts`` of the model are open now.

    Raises
    ------
    ModelNotFound
        Where there is no such model.
    InvalidData
        Where its predictions are kept nowhere.
    InvalidArgument
        Where the window ends before it starts, or a slice is none.
    """
    run = Run("monitor")
    given = (utc_time(window_start, "window_start"), utc_time(window_end, "window_end"))
    wanted = json_names(slices, "slices") or ()
    if known_task_and_target(engine, checked_name(model)) is None:
        raise unknown_address(engine, model)
    with engine.transaction() as owner:
        engine.lock(f"monitor {model}")
        tables = _prediction_tables(engine, model)
        newest = last_monitored(engine, model)
        window = _window(engine, model, tables, given, newest)
        if window is None:
            return _answer(owner, run, model, None, 0, "there is no prediction after the last monitored window")
        source = _predictions(engine, model, tables, window)
        keys = exp.select("sqlml_key").from_(source.subquery("window_rows"))
        with engine.materialized(latest_truth(engine, keys), {"model": model}) as truth:
            task = _Task(run, window, wanted, source, truth, has_truth(engine, model), owner)
            versions = _versions(engine, task)
            conditions, notes = _measure(engine, model, task, versions, report)
        predictions = sum(n for n, _ in versions.values())
        add_window(owner, run, model, window, predictions)
        if versions and (newest is None or window.end >= newest):
            settle_alerts(owner, run, model, (window.start, window.end), conditions, versions)
        elif versions:
            notes.append("a later window was monitored before, so no alert was opened or closed")
        else:
            notes.append("there is no prediction in this window")
        return _answer(owner, run, model, window, predictions, "; ".join(notes) or None)


def _answer(
    session: Session, run: Run, model: str, window: Window | None, predictions: int, note: str | None
) -> dict[str, Any]:
    metrics = metrics_of_run(session, run)
    finish_run(session, run, model, None, rows_in=predictions, rows_out=metrics)
    return {
        "run_id": run.run_id,
        "metrics": metrics,
        "alerts": len(session.rows(query("open_alerts"), {"model": model})),
        "predictions": predictions,
        "monitored_from": window and window.start,
        "monitored_to": window and window.end,
        "note": note,
    }


def _prediction_tables(engine: Engine, model: str) -> list[tuple[exp.Table, str]]:
    """Where predictions of a model are kept, with the key of each table."""
    found = []
    for relation, key, _ in engine.rows(query("prediction_tables"), {"model": model}):
        table = engine.table_at(relation)
        if not engine.has_table(table):
            raise InvalidData(
                f"the prediction table {relation!r} of model {model!r} is gone; make it again, or delete its row from "
                "sqlml.prediction_table"
            )
        danger = engine.code_of_others(table)
        if danger is not None:
            raise InvalidData(
                f"the prediction table {relation!r} of model {model!r} could run code with your rights when it is "
                f"read: {danger}. Let its owner monitor the model, or make that plain"
            )
        found.append((table, key))
    if not found:
        raise InvalidData(
            f"the predictions of model {model!r} are kept nowhere: CALL sqlml.score({model!r}, relation, "
            "into => 'predictions', key_column => 'id') keeps them in a table, which is monitored"
        )
    return found


def _every_prediction(engine: Engine, model: str, tables: Sequence[tuple[exp.Table, str]]) -> exp.Query:
    """The predictions of a model in all of its tables, with ``sqlml_time``, the time that puts them into a window."""
    parts = []
    for table, key in tables:
        time = exp.func("coalesce", exp.column("event_time"), exp.column("predicted_at"))
        columns: list[exp.Expr] = [
            by_bytes(exp.cast(quoted(key), "VARCHAR")).as_("sqlml_key"),
            exp.cast(exp.column("event_time"), "TIMESTAMP").as_("sqlml_event_time"),
            exp.cast(time, "TIMESTAMP").as_("sqlml_time"),
            *[exp.column(name) for name in ("version", "prediction", "label", "features")],
        ]
        of_model = exp.column("model").eq(exp.Literal.string(model))
        parts.append(exp.select(*columns).from_(table).where(of_model))
    return exp.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _window(
    engine: Engine,
    model: str,
    tables: Sequence[tuple[exp.Table, str]],
    given: tuple[datetime | None, datetime | None],
    newest: datetime | None,
) -> Window | None:
    """The window that was asked for; None where it is the default one and there is nothing new."""
    every = _every_prediction(engine, model, tables).subquery("every_prediction")
    times = exp.select(exp.Min(this=exp.column("sqlml_time")), exp.Max(this=exp.column("sqlml_time"))).from_(every)
    first, last = engine.rows(times.sql(engine.dialect))[0]
    start = given[0] or newest or first
    end = given[1] or (None if last is None else last + timedelta(microseconds=1))
    if start is None or end is None or (given == (None, None) and start >= end):
        return None
    if start >= end:
        raise InvalidArgument(
            f"the window would end at {end}, and start at {start}, not before that; window_end must be after "
            "window_start" + ("" if given[0] else ", which is by default the end of the last monitored window")
        )
    return Window(start, end)


def _predictions(engine: Engine, model: str, tables: Sequence[tuple[exp.Table, str]], window: Window) -> exp.Select:
    time = exp.column("sqlml_time")
    inside = [time >= timestamp(window.start), time.copy() < timestamp(window.end)]
    return exp.select("*").from_(_every_prediction(engine, model, tables).subquery("every_prediction")).where(*inside)


def _versions(engine: Engine, task: _Task) -> dict[int, tuple[int, int]]:
    """By version that scored in the window: how many predictions it made, and how many kept their features."""
    n, kept = exp.Count(this=exp.Star()).as_("n"), exp.Count(this=exp.column("features")).as_("kept")
    counted = (
        exp.select("version", n, kept)
        .from_(task.source.subquery("window_rows"))
        .group_by("version")
        .order_by("version")
    )
    rows = engine.rows(counted.sql(engine.dialect))
    return {version: (n, kept) for version, n, kept in rows if version is not None}


def _measure(
    engine: Engine, model: str, task: _Task, versions: dict[int, tuple[int, int]], report: Report
) -> tuple[list[Condition], list[str]]:
    """Measure every version; gives the conditions that were looked at, and what a person should know."""
    conditions: list[Condition] = []
    notes: list[str] = []
    for done, (number, (n, kept)) in enumerate(versions.items()):
        report("monitoring", done, len(versions))
        version = load_version(engine, Address(model, number))
        if kept < n:
            notes.append(f"{n - kept} of {n} predictions of {version.address} were kept without their features")
        reference = reference_columns(engine, version.address)
        if not reference:
            notes.append(f"{version.address} was trained before references were kept: train again to see drift")
        conditions += _measure_version(engine, task, version, reference, kept > 0)
    report("monitoring", len(versions), len(versions))
    return conditions, notes


def _measure_version(
    engine: Engine, task: _Task, version: LoadedVersion, reference: Sequence[ReferenceColumn], has_features: bool
) -> list[Condition]:
    address, model = version.address, version.model
    slices = [_slice(version, name) for name in task.slices]
    scored = (
        exp.select("*")
        .from_(task.source.subquery("window_rows"))
        .where(exp.column("version").eq(exp.Literal.number(address.version)))
    )
    with engine.materialized(
        typed_rows(engine, model, scored, ("sqlml_key", "sqlml_event_time"), whole=slices)
    ) as rows:
        _refuse_many_slices(engine, rows, slices)
        types = monitored_types(model)
        if not has_features:
            types = {name: type_ for name, type_ in types.items() if name == output_name(model)}
        for group in _in_groups(types):
            profile = profile_select(rows, group, timestamp(task.window.start), slices, engine.dialect)
            found = engine.arrow(profile.sql(engine.dialect))
            add_measured(task.owner, task.run, address, task.window, "profile_metric", found)
        binned = {column.name: column for column in reference if column.name in types and column.bins is not None}
        if binned:
            _add_drift(engine, task, version, rows, binned, slices)
        realised = realised_performance(engine, version, rows, task.truth, slices)
        add_performance(task.owner, task.run, address, task.window, realised)
    return [
        *drift_conditions(task.owner, task.run, address),
        *missing_conditions(task.owner, task.run, address, reference),
        *performance_conditions(address, realised, reference_metric(engine, address)),
        *(coverage_conditions(address, realised) if task.has_truth else []),
    ]


def _in_groups(columns: Mapping[str, V]) -> Iterator[dict[str, V]]:
    """Columns by :data:`COLUMNS_AT_ONCE`, in their order."""
    remaining = iter(columns.items())
    while group := dict(islice(remaining, COLUMNS_AT_ONCE)):
        yield group


def _slice(version: LoadedVersion, name: str) -> str:
    """The column that a slice names.

    Raises
    ------
    InvalidArgument
        Where the version reads no such column, or it has too many values by nature.
    """
    types = {column.name: column.type for column in version.model.columns}
    found = found_column(name, list(types))
    if found is None:
        raise InvalidArgument(
            f"slices names {name!r}, no column that model {str(version.address)!r} reads; {unknown_name(name, types)}"
        )
    if types[found] not in ("text", "boolean", "integer"):
        raise InvalidArgument(f"slices names {name!r}, a {types[found]}; slice by a text, a boolean or whole numbers")
    return found


def _refuse_many_slices(engine: Engine, rows: exp.Table, slices: Sequence[str]) -> None:
    for name in slices:
        distinct = exp.Count(this=exp.Distinct(expressions=[quoted(name)]))
        n = engine.rows(exp.select(distinct).from_(rows).sql(engine.dialect))[0][0]
        if n > MOST_SLICES:
            raise InvalidArgument(
                f"slices names {name!r}, which has {n} values in the window; slice by a column of at most {MOST_SLICES}"
            )


def _add_drift(
    engine: Engine,
    task: _Task,
    version: LoadedVersion,
    rows: exp.Table,
    reference: dict[str, ReferenceColumn],
    slices: Sequence[str],
) -> None:
    """Write the drift of all rows, by the counts of all held-out rows, and of slices, by those of the sample."""
    address, start = version.address, timestamp(task.window.start)
    bins = {name: column.bins for name, column in reference.items() if column.bins is not None}
    numbers = numbers_among({name: column.type for name, column in reference.items()})
    sample = typed_rows(engine, version.model, of_version("reference_row", address), whole=slices)
    by_chance = ("MD5(sqlml_key)", "sqlml_key", "sqlml_event_time")
    some = exp.select("*").from_(rows).order_by(*by_chance).limit(VALUES_COMPARED)

    def add(measured: exp.Query) -> None:
        found = engine.arrow(measured.sql(engine.dialect))
        add_measured(task.owner, task.run, address, task.window, "drift_metric", found)

    with engine.materialized(sample) as held_out, engine.materialized(some) as current, ExitStack() as kept:

        def counted(relation: exp.Table, keys: Sequence[str] | None) -> exp.Query:
            counts = [counts_select(relation, group, keys, start) for group in _in_groups(bins)]
            tables = [exp.select("*").from_(kept.enter_context(engine.materialized(each))) for each in counts]
            return exp.union(*tables, distinct=False) if len(tables) > 1 else tables[0]

        # The columns are compared together, whatever the number that is counted at once: p-values allow for how many.
        add(drift_select(_reference_counts(address), counted(rows, None), engine.dialect))
        for keys in (None, slices) if slices else (None,):
            if numbers:
                before, now = (values_of(each, numbers, start, keys) for each in (held_out, current))
                add(ks_select(before, now, engine.dialect))
        if slices:
            frozen, found = (_of_slices(counted(each, slices)) for each in (held_out, rows))
            add(drift_select(frozen, found, engine.dialect))


def _reference_counts(address: Address) -> exp.Select:
    """The counts that were frozen at training, as :func:`sqlml.measure.drift.drift_select` reads them."""
    nothing = exp.cast(exp.null(), "TEXT")
    columns: Columns = {
        "column_name": "column_name",
        "slice_key": nothing,
        "slice_value": nothing.copy(),
        "bin": "bin",
        "n": "n",
    }
    return select(columns, of_version("reference_count", address).subquery("frozen"))


def _of_slices(counts: exp.Query) -> exp.Select:
    """The counts of slices only."""
    kept = exp.select("*").from_(counts.subquery("counted"))
    return kept.where(exp.not_(exp.column("slice_key").is_(exp.null())))
