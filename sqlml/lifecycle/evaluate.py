"""Measure a version on rows whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from sqlml.engine import Engine, Session
from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.target import class_codes, target_values
from sqlml.lifecycle.arguments import known_column
from sqlml.lifecycle.predict import LoadedVersion, load_version
from sqlml.measure.curve import calibration_select, confusion_matrix_select, roc_curve_select
from sqlml.measure.performance import metrics_select
from sqlml.measure.sums import Sums, sums_of
from sqlml.registry.model import facts, resolve
from sqlml.registry.run import Metric
from sqlml.spec import Model

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Outputs of a model beside the truth, row by row.

    ``truth`` is the value of a regression or a class code, shape (n,); ``output`` float64 of shape (n, outputs).
    """

    model: Model
    truth: Floats
    output: Floats
    weight: Floats | None = None


def evaluate(engine: Engine, model: str, relation: str) -> list[dict[str, Any]]:
    """The metrics of a model on a relation that has the target: rows of ``metric, value, n``.

    Rows without a truth (a NULL target) are left out; ``n`` says how many were measured.

    Raises
    ------
    InvalidData
        Where the relation lacks the target, has no row with a truth, or has a class that the model does not know.
    """
    judged = judge(engine, load_version(engine, resolve(engine, model)), relation)
    return [
        {"metric": metric.metric, "value": metric.value, "n": metric.n, "slice_key": None, "slice_value": None}
        for metric in measured(engine, judged, "test")
    ]


def confusion_matrix(engine: Engine, model: str, relation: str) -> list[dict[str, Any]]:
    """How often each class was predicted for each actual class: rows of ``actual, predicted, n``."""
    judged = judge(engine, load_version(engine, resolve(engine, model)), relation)
    _needs_classes(judged.model, model, "confusion_matrix")
    classes = np.array(judged.model.classes, dtype=object)
    pairs = pa.table(
        {
            "actual": pa.array(classes[judged.truth.astype(np.int64)], pa.string()),
            "predicted": pa.array(classes[predicted_codes(judged)], pa.string()),
        }
    )
    with engine.temporary(pairs) as source:
        return _dicts(engine, confusion_matrix_select(source, engine.dialect))


def roc_curve(engine: Engine, model: str, relation: str) -> list[dict[str, Any]]:
    """The ROC curve: rows of ``threshold, false_positive_rate, true_positive_rate``."""
    return _curve(engine, model, relation, "roc_curve")


def calibration(engine: Engine, model: str, relation: str) -> list[dict[str, Any]]:
    """Mean score and actual rate in ten bins: rows of ``bin, score_low, score_high, n, mean_score, rate``."""
    return _curve(engine, model, relation, "calibration")


def _curve(engine: Engine, model: str, relation: str, what: str) -> list[dict[str, Any]]:
    judged = judge(engine, load_version(engine, resolve(engine, model)), relation)
    if judged.model.task != "binary":
        raise InvalidArgument(f"{what}: model {model!r} is a {judged.model.task} model; only a binary one has it")
    build = {"roc_curve": roc_curve_select, "calibration": calibration_select}[what]
    with engine.temporary(judged_rows(judged)) as source:
        return _dicts(engine, build(source, engine.dialect))


def judge(engine: Engine, version: LoadedVersion, relation: str) -> Judged:
    """Score the rows of a relation whose truth is known."""
    found = engine.relation(relation)
    wanted = facts(engine, version.address)["target"]
    names = engine.arrow(found.select().limit(0).sql(engine.dialect), found.parameters).column_names
    asked = f"target of model {str(version.address)!r}:"
    target = known_column(names, asked, wanted, repr(relation), InvalidData)
    truths, outputs = [], []
    for batch in engine.batches(found.select().sql(engine.dialect), found.parameters):
        known = batch.filter(batch.column(target).is_valid())
        if known.num_rows:
            truths.append(true_values(version.model, known.column(target), target))
            outputs.append(version.output(known.to_struct_array()))
    if not truths:
        raise InvalidData(f"relation {relation!r} has no row in which {target!r} is known; bring some with the truth")
    return Judged(version.model, np.concatenate(truths), np.concatenate(outputs))


def true_values(model: Model, column: pa.Array, target: str) -> Floats:
    """The truth as the model counts it: numbers of a regression, codes of its classes otherwise."""
    if model.task == "regression":
        return target_values(column, target)
    return class_codes(column, model.classes, target)


def measured(session: Session, judged: Judged, dataset: str) -> list[Metric]:
    """Every metric of the task: sums over the rows, which are here, and from them the metrics in SQL."""
    return metrics_of(session, summed(judged), dataset)


@dataclass(frozen=True)
class Summed:
    """The sums over ``n`` judged rows from which the metrics of a task follow."""

    task: str
    n: int
    sums: Sums


def summed(judged: Judged) -> Summed:
    """The sums over rows. No database is asked, so that a thread of its own can do it."""
    task, rows = judged.model.task, judged_rows(judged)
    columns = {name: rows.column(name).to_numpy().astype(np.float64) for name in rows.column_names}
    return Summed(task, len(rows), sums_of(task, columns))


def metrics_of(session: Session, found: Summed, dataset: str) -> list[Metric]:
    """Every metric of the task, out of the sums, in SQL."""
    query = metrics_select(found.task, found.sums, found.n, session.dialect)
    return [Metric(dataset, name, value, n) for name, value, n in session.rows(query.sql(session.dialect))]


def judged_rows(judged: Judged) -> pa.Table:
    """The rows in the form that ``measure`` reads; see :func:`sqlml.measure.sums.sums_of`."""
    truth, output = judged.truth, judged.output
    weight = np.ones(len(truth)) if judged.weight is None else judged.weight
    if judged.model.task == "regression":
        return pa.table({"truth": truth, "score": output[:, 0], "weight": weight})
    codes = truth.astype(np.int32)
    if judged.model.task == "binary":
        return pa.table({"truth": codes, "score": output[:, 0], "weight": weight})
    label = predicted_codes(judged).astype(np.int32)
    truth_score = output[np.arange(len(codes)), codes]
    return pa.table({"truth": codes, "label": label, "truth_score": truth_score, "weight": weight})


def predicted_codes(judged: Judged) -> NDArray[np.int64]:
    """The code of the predicted class: the positive where its probability is above 0.5, else the most probable."""
    if judged.model.task == "binary":
        return (judged.output[:, 0] > 0.5).astype(np.int64)
    codes: NDArray[np.int64] = np.argmax(judged.output, axis=1)
    return codes


def _needs_classes(spec: Model, model: str, what: str) -> None:
    if spec.task == "regression":
        raise InvalidArgument(f"{what}: model {model!r} is a regression and has no classes")


def _dicts(engine: Engine, query: exp.Query) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.arrow(query.sql(engine.dialect)).to_pylist()
    return rows
