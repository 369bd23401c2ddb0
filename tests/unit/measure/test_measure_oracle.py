"""Every metric against scikit-learn, through DuckDB, and in any order of the rows."""

import math
import warnings
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from performance_in_sql import performance_select
from sklearn.exceptions import UndefinedMetricWarning
from sqlglot import exp

from sqlml.measure.performance import METRICS


@cache
def query_text(task):
    return performance_select(task, exp.to_table("predicted"), "duckdb").sql("duckdb")


def values(connection, task, columns):
    """What SQL says; NULL as NaN, scikit-learn's word for undefined."""
    connection.register("predicted", pa.table(columns))
    found = connection.execute(query_text(task)).fetchall()
    return {metric: math.nan if value is None else value for metric, value, _ in found}


def calibration_error(truth, score, weight):
    position = np.digitize(score, [k / 10 for k in range(1, 10)])
    gaps = [abs(math.fsum(weight[position == k] * (score - truth)[position == k])) for k in range(10)]
    return math.fsum(gaps) / math.fsum(weight)


def log_loss_of_classes(truth, label, truth_score, weight):
    """The rest of the probability goes to the other classes; one that never occurs makes them at least two."""
    classes = [*np.union1d(truth, label), 10_000]
    proba = np.repeat(((1 - truth_score) / (len(classes) - 1))[:, None], len(classes), axis=1)
    proba[np.arange(len(truth)), np.searchsorted(classes, truth)] = truth_score
    return oracle.log_loss(truth, y_proba=proba, sample_weight=weight, labels=classes)


def of_scores(metric, **options):
    return lambda truth, score, weight: metric(truth, score, sample_weight=weight, **options)


def of_labels(metric):
    return lambda truth, score, weight: metric(truth, (score > 0.5).astype(int), sample_weight=weight)


def of_classes(metric, **options):
    return lambda truth, label, truth_score, weight: metric(truth, label, sample_weight=weight, **options)


ORACLES = {
    "binary": {
        "roc_auc": of_scores(oracle.roc_auc_score),
        "average_precision": of_scores(oracle.average_precision_score),
        "log_loss": of_scores(oracle.log_loss, labels=[0, 1]),
        "brier_score": of_scores(oracle.brier_score_loss, pos_label=1),
        "expected_calibration_error": calibration_error,
        "accuracy": of_labels(oracle.accuracy_score),
        "f1": of_labels(oracle.f1_score),
        "precision": of_labels(oracle.precision_score),
        "recall": of_labels(oracle.recall_score),
    },
    "multiclass": {
        "log_loss": log_loss_of_classes,
        "accuracy": of_classes(oracle.accuracy_score),
        "f1": of_classes(oracle.f1_score, average="macro"),
        "precision": of_classes(oracle.precision_score, average="macro"),
        "recall": of_classes(oracle.recall_score, average="macro"),
    },
    "regression": {
        "rmse": of_scores(oracle.root_mean_squared_error),
        "mae": of_scores(oracle.mean_absolute_error),
        "r2": of_scores(oracle.r2_score),
    },
}


def expected(task, columns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.filterwarnings("ignore", message="No positive class found")
        return {metric: function(*columns.values()) for metric, function in ORACLES[task].items()}


def binary(truth, score, weight=None):
    truth = np.asarray(truth, dtype=np.int32)
    weight = np.ones(len(truth)) if weight is None else weight
    return {"truth": truth, "score": np.asarray(score, dtype=float), "weight": np.asarray(weight, dtype=float)}


def multiclass(truth, label, truth_score, weight=None):
    columns = binary(truth, truth_score, weight)
    label = np.asarray(label, dtype=np.int32)
    return {"truth": columns["truth"], "label": label, "truth_score": columns["score"], "weight": columns["weight"]}


def regression(truth, score, weight=None):
    return {**binary(np.zeros(len(truth)), score, weight), "truth": np.asarray(truth, dtype=float)}


RANDOM = np.random.default_rng(7)
ROWS = 4_000
SCORE = RANDOM.random(ROWS)
TRUTH = (RANDOM.random(ROWS) < SCORE**2).astype(np.int32)
WEIGHT = RANDOM.gamma(0.5, size=ROWS)
CODES = RANDOM.integers(0, 6, ROWS)
GUESS = np.where(RANDOM.random(ROWS) < 0.6, CODES, RANDOM.integers(0, 6, ROWS))
LEVEL = RANDOM.normal(size=ROWS)

DATA = {
    "binary": {
        "distinct scores": binary(TRUTH, SCORE),
        "weights": binary(TRUTH, SCORE, WEIGHT),
        "weights by class": binary(TRUTH, SCORE, np.where(TRUTH == 1, 0.7, 0.1)),
        "ties on the edges of bins": binary(TRUTH, SCORE.round(1), WEIGHT),
        "scores of exactly 0 and 1": binary(TRUTH, np.where(SCORE < 0.3, 0, np.where(SCORE > 0.6, 1, SCORE)), WEIGHT),
        "always wrong": binary([0, 0, 1, 1], [1, 1, 0, 0]),
        "perfect": binary([0, 0, 1, 1], [0, 0, 1, 1]),
        "one score": binary(TRUTH, np.full(ROWS, 0.5), WEIGHT),
        "tiny scores": binary([0, 1, 0, 1, 0], [1e-300, 1e-200, 1e-17, 5e-324, 0.0]),
        "only positives": binary([1, 1, 1], [0.2, 0.7, 1.0]),
        "only negatives": binary([0, 0, 0], [0.2, 0.7, 0.0]),
        "one row": binary([1], [0.8], [0.3]),
        "zero weights": binary(TRUTH, SCORE.round(2), np.where(SCORE < 0.4, 0, WEIGHT)),
        "a class without weight": binary([0, 1, 0, 1], [0.1, 0.9, 0.6, 0.2], [0, 1, 0, 2]),
        "nothing called positive": binary([0, 1, 0, 1], [0.1, 0.4, 0.5, 0.2]),
        "small weights": binary(TRUTH, SCORE, WEIGHT * 1e-20),
    },
    "multiclass": {
        "no weights": multiclass(CODES, GUESS, SCORE),
        "weights": multiclass(CODES, GUESS, SCORE, WEIGHT),
        "scores of exactly 0 and 1": multiclass(CODES, GUESS, SCORE.round(0), WEIGHT),
        "a class that is never predicted": multiclass([0, 1, 2], [0, 1, 1], [0.5, 0.4, 0.1]),
        "a class that is never true": multiclass([0, 1, 1], [0, 1, 7], [0.5, 0.4, 0.1]),
        "a class without weight": multiclass([0, 1, 2], [0, 1, 1], [0.5, 0.4, 0.1], [1, 2, 0]),
        "negative codes": multiclass([-1, 3, 3], [3, 3, -1], [0.5, 0.4, 0.1]),
        "one row": multiclass([4], [4], [0.9]),
        "one row, wrong": multiclass([4], [2], [0.1], [3.0]),
    },
    "regression": {
        "no weights": regression(LEVEL, LEVEL + SCORE),
        "weights": regression(LEVEL, LEVEL * 0.5, WEIGHT),
        "far from zero": regression(LEVEL + 1e6, LEVEL * 0.9 + 1e6, WEIGHT),
        "an outlier": regression([*LEVEL, 1e9], [*LEVEL + 0.5, 0.0]),
        "an outlier without weight": regression([*LEVEL, 1e40], [*LEVEL + 0.5, 0.0], [*WEIGHT, 0.0]),
        "perfect": regression(LEVEL, LEVEL, WEIGHT),
        "constant truth": regression([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        "constant truth, perfect": regression([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        "constant where it has weight": regression([2.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 0.0]),
        "one row": regression([2.0], [1.5], [0.5]),
    },
}


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, cases in DATA.items() for name in cases])
def test_every_metric_is_the_oracles(connection, task, name):
    columns = DATA[task][name]
    assert values(connection, task, columns) == pytest.approx(expected(task, columns), rel=1e-9, abs=0, nan_ok=True)


def test_every_metric_has_an_oracle():
    assert {task: set(oracles) for task, oracles in ORACLES.items()} == {
        task: {metric.name for metric in METRICS if task in metric.tasks} for task in ORACLES
    }
    assert set(ORACLES) == {task for metric in METRICS for task in metric.tasks}


FEW_SCORES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.8999999999999999, 0.9, 1.0])
ROW = st.tuples(st.integers(0, 1), FEW_SCORES, st.sampled_from([0.0, 0.1, 0.7, 1.0, 3.0]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=12).filter(lambda rows: any(weight > 0 for *_, weight in rows)))
def test_binary_metrics_of_any_few_rows(connection, rows):
    columns = binary(*zip(*rows, strict=True))
    # An error of calibration of 0 is a rounding error in the oracle.
    wanted = pytest.approx(expected("binary", columns), rel=1e-9, abs=1e-15, nan_ok=True)
    assert values(connection, "binary", columns) == wanted


AWKWARD = 300_000
"""Rows in which plain sums drift: many additions of the same few values that no double holds exactly."""


def awkward(task):
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, AWKWARD)
    weight = np.where(truth == 1, 0.7, 0.1)
    if task == "multiclass":
        return multiclass(truth, random.integers(0, 2, AWKWARD), np.where(truth == 1, 0.9, 0.3), weight)
    if task == "regression":
        return regression(truth * 0.1, np.full(AWKWARD, 0.3), weight)
    return binary(truth, random.random(AWKWARD).round(5), weight)


@pytest.mark.parametrize("task", ORACLES)
def test_the_order_of_the_rows_and_the_threads_do_not_matter(connection, task):
    columns = awkward(task)
    found = []
    for threads, order in ((1, np.arange(AWKWARD)), (2, np.argsort(columns["weight"])), (4, np.arange(AWKWARD)[::-1])):
        connection.execute("SET threads = $threads", {"threads": threads})
        found.append(values(connection, task, {name: column[order] for name, column in columns.items()}))
    assert found[1] == pytest.approx(found[0], rel=1e-15, abs=0)
    assert found[2] == pytest.approx(found[0], rel=1e-15, abs=0)


def test_sums_are_those_of_exact_addition(connection):
    columns = awkward("regression")
    weight, error = columns["weight"], np.abs(columns["truth"] - columns["score"])
    total = math.fsum(weight)
    wanted = {
        "mae": math.fsum(weight * error) / total,
        "rmse": math.sqrt(math.fsum(weight * error * error) / total),
    }
    found = values(connection, "regression", columns)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=4e-16, abs=0)
