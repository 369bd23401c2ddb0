"""The ROC curve, the confusion matrix and the calibration against scikit-learn and numpy, through DuckDB."""

import math

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle
from sklearn.exceptions import UndefinedMetricWarning
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.curve import calibration_select, confusion_matrix_select, roc_curve_select
from sqlml.measure.subset import DIALECTS

SELECTS = {
    "roc_curve": roc_curve_select,
    "confusion_matrix": confusion_matrix_select,
    "calibration": calibration_select,
}

RANDOM = np.random.default_rng(11)
ROWS = 3_000
SCORE = RANDOM.random(ROWS)
TRUTH = (RANDOM.random(ROWS) < SCORE).astype(np.int32)
WEIGHT = RANDOM.gamma(0.5, size=ROWS)

SCORED = {
    "distinct scores": (TRUTH, SCORE, np.ones(ROWS)),
    "weights": (TRUTH, SCORE, WEIGHT),
    "ties on the edges of bins": (TRUTH, SCORE.round(1), WEIGHT),
    "zero weights": (TRUTH, SCORE.round(2), np.where(SCORE < 0.45, 0.0, WEIGHT)),
    "one score": (TRUTH, np.full(ROWS, 1.0), WEIGHT),
    "two rows": (np.array([0, 1]), np.array([0.3, 0.29999999999999993]), np.array([1.0, 1.0])),
}


def run(connection, name, columns):
    connection.register("predicted", pa.table(columns))
    return connection.execute(SELECTS[name](exp.to_table("predicted"), "duckdb").sql("duckdb")).fetchall()


def run_scored(connection, name, truth, score, weight):
    return run(connection, name, {"truth": np.asarray(truth, np.int32), "score": score, "weight": weight})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", SELECTS)
def test_golden_query(golden, name, dialect):
    query = SELECTS[name](exp.to_table("predicted"), dialect)
    golden(f"{name}.{dialect}.sql", query.sql(dialect, pretty=True))


@pytest.mark.parametrize("name", SELECTS)
def test_an_unknown_dialect_is_refused(name):
    with pytest.raises(InvalidArgument, match="ML001 dialect 'mysql'"):
        SELECTS[name](exp.to_table("predicted"), "mysql")


@pytest.mark.parametrize("data", SCORED)
def test_roc_curve(connection, data):
    truth, score, weight = SCORED[data]
    threshold, false, true = map(np.array, zip(*run_scored(connection, "roc_curve", truth, score, weight), strict=True))
    fpr, tpr, thresholds = oracle.roc_curve(truth, score, sample_weight=weight, drop_intermediate=False)
    assert threshold.tolist() == thresholds.tolist()
    assert false == pytest.approx(fpr, rel=1e-9, abs=0)
    assert true == pytest.approx(tpr, rel=1e-9, abs=0)


def test_roc_curve_never_turns_back_and_ends_at_one(connection):
    rows = 100_000
    score, weight = RANDOM.random(rows), RANDOM.random(rows)
    found = run_scored(connection, "roc_curve", score < RANDOM.random(rows), score, weight)
    threshold, false, true = map(np.array, zip(*found, strict=True))
    assert np.diff(threshold[1:]).max() < 0
    assert np.diff(false).min() >= 0
    assert np.diff(true).min() >= 0
    assert found[0] == (math.inf, 0.0, 0.0)
    assert found[-1][1:] == (1.0, 1.0)


@pytest.mark.parametrize("only", [0, 1])
def test_roc_curve_of_one_class_has_one_rate(connection, only):
    truth, score, weight = np.full(3, only), np.array([0.2, 0.4, 0.4]), np.ones(3)
    with pytest.warns(UndefinedMetricWarning):
        fpr, tpr, thresholds = oracle.roc_curve(truth, score, pos_label=1, drop_intermediate=False)
    wanted = [tuple(None if math.isnan(x) else x for x in row) for row in zip(thresholds, fpr, tpr, strict=True)]
    assert run_scored(connection, "roc_curve", truth, score, weight) == wanted


NOTHING = {
    "no rows": ([], [], []),
    "no probability": ([0, 1], [0.5, 1.5], [1.0, 1.0]),
    "NaN": ([0, 1], [0.5, math.nan], [1.0, 1.0]),
    "other truth": ([0, 2], [0.5, 0.5], [1.0, 1.0]),
}


@pytest.mark.parametrize("data", NOTHING)
@pytest.mark.parametrize("name", ["roc_curve", "calibration"])
def test_what_cannot_be_measured_has_no_rows(connection, name, data):
    truth, score, weight = NOTHING[data]
    assert run_scored(connection, name, truth, np.array(score), np.array(weight)) == []


@pytest.mark.parametrize("data", SCORED)
def test_calibration(connection, data):
    truth, score, weight = SCORED[data]
    position = np.digitize(score, [k / 10 for k in range(1, 10)])
    wanted = []
    for k in range(10):
        here = position == k
        total = math.fsum(weight[here])
        mean = math.fsum((weight * score)[here]) / total if total else None
        rate = math.fsum((weight * truth)[here]) / total if total else None
        wanted.append((k + 1, k / 10, (k + 1) / 10, here.sum(), mean, rate))
    found = run_scored(connection, "calibration", truth, score, weight)
    assert [row[:4] for row in found] == [row[:4] for row in wanted]
    for row, want in zip(found, wanted, strict=True):
        assert row[4:] == (None, None) if want[4] is None else row[4:] == pytest.approx(want[4:], rel=1e-9, abs=0)


def test_calibration_edges_are_closed_on_the_left(connection):
    edges = np.array([k / 10 for k in range(11)])
    below = np.nextafter(edges[1:], 0)
    n = [row[3] for row in run_scored(connection, "calibration", np.zeros(11), edges, np.ones(11))]
    assert n == [1] * 9 + [2]
    n = [row[3] for row in run_scored(connection, "calibration", np.zeros(10), below, np.ones(10))]
    assert n == [1] * 10


def test_confusion_matrix(connection):
    labels = np.array(["cancelled", "late", "on time", "diverted"])
    actual, predicted = labels[RANDOM.integers(0, 3, 500)], labels[RANDOM.integers(1, 4, 500)]
    classes = sorted(labels)
    matrix = oracle.confusion_matrix(actual, predicted, labels=classes)
    wanted = [(a, p, matrix[i, j]) for i, a in enumerate(classes) for j, p in enumerate(classes)]
    assert run(connection, "confusion_matrix", {"actual": actual, "predicted": predicted}) == wanted
    assert any(n == 0 for *_, n in wanted)


def test_confusion_matrix_leaves_out_nulls_and_orders_by_bytes(connection):
    columns = {"actual": ["b", "é", None, "", "B"], "predicted": ["b", "B", "gone", "", None]}
    found = run(connection, "confusion_matrix", columns)
    classes = ["", "B", "b", "é"]
    assert [row[:2] for row in found] == [(a, p) for a in classes for p in classes]
    assert {row[:2] for row in found if row[2]} == {("", ""), ("b", "b"), ("é", "B")}


def test_confusion_matrix_of_numbers_is_text(connection):
    found = run(connection, "confusion_matrix", {"actual": [10, 9], "predicted": [9, 9]})
    assert found == [("10", "10", 0), ("10", "9", 1), ("9", "10", 0), ("9", "9", 1)]


def test_confusion_matrix_of_no_rows_is_empty(connection):
    text = pa.array([], pa.string())
    assert run(connection, "confusion_matrix", {"actual": text, "predicted": text}) == []
