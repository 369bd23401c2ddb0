"""How good predictions turned out to be, once the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlglot import exp

from sqlml.engine import Engine
from sqlml.errors import InvalidData
from sqlml.fit.compare import NORMAL_975, compare
from sqlml.lifecycle.evaluate import Judged, measured
from sqlml.lifecycle.monitored import output_name
from sqlml.lifecycle.predict import LoadedVersion
from sqlml.measure.formula import quoted
from sqlml.registry.monitoring import PerformanceMetric
from sqlml.registry.reference import ReferenceMetric
from sqlml.spec import Model

LEAST_ROWS = 30
"""A slice with fewer rows whose truth is known is not measured: its metrics would be noise."""


def realised_performance(
    engine: Engine, version: LoadedVersion, rows: exp.Table, truth: exp.Table, slices: Sequence[str]
) -> list[PerformanceMetric]:
    """Every metric of the task on the rows whose truth is known, for all of them and for each slice.

    ``rows`` are those of :func:`sqlml.lifecycle.monitored.typed_rows` with ``sqlml_key`` and ``sqlml_event_time``,
    ``truth`` has ``key, event_time, value``. The truth of an event time goes before that of the key alone. A class
    that the version does not know cannot be judged and counts as not known. The log loss of a multiclass model needs
    the probability of the true class, so its rows are scored again, from the features that are kept with them.
    """
    found = engine.arrow(_with_truth(version.model, rows, truth, slices).sql(engine.dialect))
    codes = _truth_codes(version.model, found.column("sqlml_truth").combine_chunks())
    answered = found.column("sqlml_answer").is_valid().to_numpy()
    known = answered & ~np.isnan(codes)
    metrics = _measured(engine, version, found, codes, known, np.ones(len(found), dtype=bool))
    for position, key in enumerate(slices):
        texts = found.column(f"sqlml_slice_{position}")
        for value in sorted(pc.unique(texts).to_pylist(), key=lambda text: (text is not None, text or "")):
            chosen = texts.is_null() if value is None else pc.fill_null(pc.equal(texts, value), False)
            inside = np.asarray(chosen)
            if (known & inside).sum() >= LEAST_ROWS:
                of_slice = _measured(engine, version, found, codes, known, inside)
                metrics += [replace(metric, slice_key=key, slice_value=value) for metric in of_slice]
    return metrics


def primary_with_error(judged: Judged) -> ReferenceMetric | None:
    """The primary metric of a task with its standard error; None where it cannot be said, as for one class only.

    The error is that of the difference from answers that are the same whatever the rows: every row tied for
    ``roc_auc``, and no loss at all for ``log_loss`` and ``rmse``.
    """
    task, truth = judged.model.task, judged.truth
    output = judged.output if task == "multiclass" else judged.output[:, 0]
    if not len(truth):
        return None
    fixed = np.full(len(truth), 0.5) if task == "binary" else truth
    if task == "multiclass":
        fixed = np.eye(judged.output.shape[1])[truth.astype(np.int64)]
    try:
        difference = compare(task, truth, output, fixed)
    except InvalidData:
        return None
    error = (difference.ci_high - difference.difference) / NORMAL_975
    finite = float(error) if np.isfinite(error) else None
    return ReferenceMetric(difference.metric, float(difference.candidate), finite, len(truth))


def _with_truth(model: Model, rows: exp.Table, truth: exp.Table, slices: Sequence[str]) -> exp.Select:
    columns: list[exp.Expr] = [
        quoted(output_name(model), "r").as_("sqlml_answer"),
        exp.func("coalesce", exp.column("value", "timed"), exp.column("value", "untimed")).as_("sqlml_truth"),
    ]
    columns += [
        exp.cast(quoted(key, "r"), "VARCHAR").as_(f"sqlml_slice_{position}") for position, key in enumerate(slices)
    ]
    if model.task == "multiclass":
        columns += [quoted(column.name, "r").as_(column.name, quoted=True) for column in model.columns]
    key, time = exp.column("sqlml_key", "r"), exp.column("sqlml_event_time", "r")
    timed = exp.and_(exp.column("key", "timed").eq(key), exp.column("event_time", "timed").eq(time))
    untimed = exp.and_(exp.column("key", "untimed").eq(key), exp.column("event_time", "untimed").is_(exp.null()))
    return (
        exp.select(*columns)
        .from_(exp.alias_(rows.copy(), "r", table=True))
        .join(exp.alias_(truth.copy(), "timed", table=True), on=timed, join_type="left")
        .join(exp.alias_(truth.copy(), "untimed", table=True), on=untimed, join_type="left")
    )


def _truth_codes(model: Model, texts: pa.Array) -> NDArray[np.float64]:
    """The truth as the model counts it, NaN where it is not known."""
    if model.task == "regression":
        numbers = pc.fill_null(texts.cast(pa.float64()), np.nan)
        return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    position = {label: float(code) for code, label in enumerate(model.classes)}
    encoded = texts.dictionary_encode()
    codes = np.array([position.get(text, np.nan) for text in encoded.dictionary.to_pylist()] + [np.nan])
    index = pc.fill_null(encoded.indices, len(codes) - 1).to_numpy(zero_copy_only=False)
    chosen: NDArray[np.float64] = codes[index]
    return chosen


def _measured(
    engine: Engine,
    version: LoadedVersion,
    found: pa.Table,
    codes: NDArray[np.float64],
    known: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> list[PerformanceMetric]:
    """The metrics of the rows ``inside``, and the share of them whose truth is ``known``."""
    both, total = known & inside, int(inside.sum())
    coverage = float(both.sum()) / total
    of_all = PerformanceMetric("label_coverage", coverage, total, coverage)
    if not both.any():
        return [of_all]
    judged = _judged(version, found.filter(pa.array(both)), codes[both])
    primary = primary_with_error(judged)
    metrics = [
        PerformanceMetric(metric.metric, metric.value, metric.n, coverage)
        for metric in measured(engine, judged, "realised")
    ]
    return [of_all, *(_with_interval(metric, primary) for metric in metrics)]


def _with_interval(metric: PerformanceMetric, primary: ReferenceMetric | None) -> PerformanceMetric:
    if primary is None or primary.standard_error is None or metric.metric != primary.metric or metric.value is None:
        return metric
    half = NORMAL_975 * primary.standard_error
    return replace(metric, ci_low=metric.value - half, ci_high=metric.value + half)


def _judged(version: LoadedVersion, rows: pa.Table, truth: NDArray[np.float64]) -> Judged:
    model = version.model
    output: Any = np.asarray(rows.column("sqlml_answer")).reshape(-1, 1)
    if model.task == "multiclass":
        features = rows.select([column.name for column in model.columns])
        output = version.output(features.to_struct_array().combine_chunks())
    return Judged(model, truth, output)
