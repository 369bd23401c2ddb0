"""Look at what a model answered in a window: profile, drift, realised performance, and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from sqlml.engine import Engine, Session
from sqlml.errors import InvalidArgument
from sqlml.lifecycle.alarm import (
    coverage_conditions,
    drift_conditions,
    missing_conditions,
    performance_conditions,
)
from sqlml.lifecycle.arguments import Report, json_names, known_column, silent, utc_time
from sqlml.lifecycle.drifted import measured_drift
from sqlml.lifecycle.monitored import in_groups, monitored_types, output_name, typed_rows
from sqlml.lifecycle.predict import LoadedVersion, load_version
from sqlml.lifecycle.realised import realised_performance
from sqlml.lifecycle.window import PASSED, asked_window, prediction_tables, predictions_within
from sqlml.measure.formula import quoted
from sqlml.measure.profile import profile_select
from sqlml.measure.subset import timestamp
from sqlml.registry.alert import Condition, settle_alerts
from sqlml.registry.model import Address, checked_name, known_task_and_target, unknown_address
from sqlml.registry.monitoring import (
    PerformanceMetric,
    Window,
    add_measured,
    add_performance,
    add_window,
    last_monitored,
    metrics_of_run,
)
from sqlml.registry.queries import query
from sqlml.registry.reference import ReferenceColumn, reference_columns, reference_metric
from sqlml.registry.run import Run, finish_run
from sqlml.registry.truth import has_truth, latest_truth

MOST_SLICES = 100
"""A column with more values in the window is no column to slice by."""


@dataclass(frozen=True)
class _Task:
    """What one run looks at: ``rows`` is the copy of the window that all of its numbers speak of."""

    run: Run
    model: str
    window: Window
    slices: tuple[str, ...]
    rows: exp.Table
    truth: exp.Table
    has_truth: bool
    owner: Session


@dataclass
class _Found:
    """What a run has found so far: by version how many predictions it made and how many kept their features."""

    versions: dict[int, tuple[int, int]]
    conditions: list[Condition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def predictions(self) -> int:
        """Of all versions."""
        return sum(n for n, _ in self.versions.values())


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
    newest run of each window. All numbers of a run speak of the same rows, whatever is scored or deleted meanwhile.
    Alerts speak of the newest window: an older one neither opens nor closes any.

    Returns
    -------
    ``run_id, metrics, alerts, predictions, monitored_from, monitored_to, note``: ``metrics`` numbers were written about
    ``predictions``, and ``alerts`` of the model are open now.

    Raises
    ------
    ModelNotFound
        Where there is no such model.
    InvalidData
        Where its predictions are kept nowhere that the caller can read.
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
        tables, left_out = prediction_tables(engine, model)
        newest = last_monitored(engine, model)
        window = asked_window(engine, model, tables, given, newest)
        if window is None:
            nothing = _Found({}, notes=["there is no prediction after the last monitored window", *left_out])
            return _answer(owner, run, model, None, nothing)
        with _task(engine, owner, run, model, window, predictions_within(model, tables, window), wanted) as task:
            found = _measured(engine, task, report)
        add_window(owner, run, model, window, found.predictions)
        _settle(task, found, newest is None or window.end >= newest)
        found.notes += left_out
        return _answer(owner, run, model, window, found)


@contextmanager
def _task(
    engine: Engine, owner: Session, run: Run, model: str, window: Window, rows: exp.Query, slices: tuple[str, ...]
) -> Iterator[_Task]:
    """The task of a run, for as long as the copy of its rows is there."""
    with engine.materialized(rows) as copy:
        # Asked first: a truth that comes in between does not make rows alert that were copied without one.
        known = has_truth(engine, model)
        keys = exp.select("sqlml_key").from_(copy)
        with engine.materialized(latest_truth(engine, keys), {"model": model}) as truth:
            yield _Task(run, model, window, slices, copy, truth, known, owner)


def _settle(task: _Task, found: _Found, is_newest: bool) -> None:
    """Open and close alerts where the window is the newest one that has predictions, or say why not."""
    if not found.versions:
        found.notes.append("there is no prediction in this window")
    elif is_newest:
        settle_alerts(
            task.owner, task.run, task.model, (task.window.start, task.window.end), found.conditions, found.versions
        )
    else:
        found.notes.append("a later window was monitored before, so no alert was opened or closed")


def _answer(session: Session, run: Run, model: str, window: Window | None, found: _Found) -> dict[str, Any]:
    metrics = metrics_of_run(session, run)
    finish_run(session, run, model, None, rows_in=found.predictions, rows_out=metrics)
    return {
        "run_id": run.run_id,
        "metrics": metrics,
        "alerts": len(session.rows(query("open_alerts"), {"model": model})),
        "predictions": found.predictions,
        "monitored_from": window and window.start,
        "monitored_to": window and window.end,
        "note": "; ".join(found.notes) or None,
    }


def _versions(engine: Engine, rows: exp.Table) -> dict[int, tuple[int, int]]:
    """By version that scored in the window: how many predictions it made, and how many kept their features."""
    n, kept = exp.Count(this=exp.Star()).as_("n"), exp.Count(this=exp.column("features")).as_("kept")
    counted = exp.select("version", n, kept).from_(rows).group_by("version").order_by("version")
    counts = engine.rows(counted.sql(engine.dialect))
    return {version: (n, kept) for version, n, kept in counts if version is not None}


def _measured(engine: Engine, task: _Task, report: Report) -> _Found:
    """Measure every version; gives the conditions that were looked at, and what a person should know."""
    found = _Found(_versions(engine, task.rows))
    for done, (number, (n, kept)) in enumerate(found.versions.items()):
        report("monitoring", done, len(found.versions))
        version = load_version(engine, Address(task.model, number))
        if kept < n:
            found.notes.append(f"{n - kept} of {n} predictions of {version.address} were kept without their features")
        reference = reference_columns(engine, version.address)
        if not reference:
            found.notes.append(f"{version.address} was trained before references were kept: train again to see drift")
        found.conditions += _measured_version(engine, task, version, reference, kept > 0)
    report("monitoring", len(found.versions), len(found.versions))
    return found


def _measured_version(
    engine: Engine, task: _Task, version: LoadedVersion, reference: Sequence[ReferenceColumn], has_features: bool
) -> list[Condition]:
    address, model = version.address, version.model
    slices = [_slice(version, name) for name in task.slices]
    of_version = exp.column("version").eq(exp.Literal.number(address.version))
    answered = exp.select("*").from_(task.rows).where(of_version)
    types = monitored_types(model) if has_features else {output_name(model): monitored_types(model)[output_name(model)]}
    with engine.materialized(typed_rows(engine, model, answered, PASSED, whole=slices)) as rows:
        _refuse_many_slices(engine, rows, slices)
        _add_profile(engine, task, address, rows, types, slices)
        binned = {column.name: column for column in reference if column.name in types and column.bins is not None}
        if binned:
            for drift in measured_drift(engine, version, rows, binned, slices, timestamp(task.window.start)):
                add_measured(task.owner, task.run, address, task.window, "drift_metric", drift)
        realised = realised_performance(engine, version, rows, task.truth, slices)
        add_performance(task.owner, task.run, address, task.window, realised)
    return _conditions(engine, task, address, reference, realised)


def _add_profile(
    engine: Engine, task: _Task, address: Address, rows: exp.Table, types: Mapping[str, str], slices: Sequence[str]
) -> None:
    for group in in_groups(types):
        profile = profile_select(rows, group, timestamp(task.window.start), slices, engine.dialect)
        found = engine.arrow(profile.sql(engine.dialect, copy=False))
        add_measured(task.owner, task.run, address, task.window, "profile_metric", found)


def _conditions(
    engine: Engine,
    task: _Task,
    address: Address,
    reference: Sequence[ReferenceColumn],
    realised: Sequence[PerformanceMetric],
) -> list[Condition]:
    """Everything about a version that could be cause for an alert."""
    return [
        *drift_conditions(task.owner, task.run, address),
        *missing_conditions(task.owner, task.run, address, reference),
        *performance_conditions(address, realised, reference_metric(engine, address)),
        *(coverage_conditions(address, realised) if task.has_truth else []),
    ]


def _slice(version: LoadedVersion, name: str) -> str:
    """The column that a slice names.

    Raises
    ------
    InvalidArgument
        Where the version reads no such column, or it has too many values by nature.
    """
    types = {column.name: column.type for column in version.model.columns}
    found = known_column(list(types), "slices =>", name, f"model {str(version.address)!r}", InvalidArgument)
    if types[found] not in ("text", "boolean", "integer"):
        raise InvalidArgument(f"slices => {name!r} is a {types[found]}; slice by a text, a boolean or whole numbers")
    return found


def _refuse_many_slices(engine: Engine, rows: exp.Table, slices: Sequence[str]) -> None:
    for name in slices:
        distinct = exp.Count(this=exp.Distinct(expressions=[quoted(name)]))
        n = engine.rows(exp.select(distinct).from_(rows).sql(engine.dialect))[0][0]
        if n > MOST_SLICES:
            raise InvalidArgument(
                f"slices => {name!r} has {n} values in the window; slice by a column of at most {MOST_SLICES}"
            )
