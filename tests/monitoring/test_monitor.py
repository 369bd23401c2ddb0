"""Monitoring from a prediction table to numbers and alerts: against oracles, and through time."""

import json

import numpy as np
import pyarrow as pa
import pytest
from buyer_model import TRAIN, alerts, monitor, put, score, visits
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn import metrics

import sqlml
from sqlml.errors import InvalidArgument, InvalidData, TransactionError
from sqlml.measure.bins import NumberBins, bins_of


def truth(con, rows):
    put(con, "happened", rows)
    con.execute("CALL sqlml.record_truth('buyer', 'happened', 'visit_id', 'bought')")


def drift(con, metric, column):
    found = con.execute(
        "SELECT value, n_reference, n_current FROM sqlml.latest_drift "
        "WHERE metric = $metric AND column_name = $column AND slice_key IS NULL",
        {"metric": metric, "column": column},
    ).fetchall()
    assert len(found) == 1
    return found[0]


def features(con, table, column):
    """The values of a feature as they stand in the JSON of a table; None for a missing one."""
    rows = con.execute(f"SELECT features FROM {table}").fetchall()
    return [json.loads(text)[column] for (text,) in rows]


def bin_counts(bins, values):
    """An oracle for the bins: counts by index, written row by row."""
    counts = np.zeros(len(bins.edges) + 3 if isinstance(bins, NumberBins) else len(bins.categories) + 2)
    for value in values:
        if value is None:
            counts[0] += 1
        elif not isinstance(bins, NumberBins):
            text = str(value).lower() if isinstance(value, bool) else value
            counts[bins.categories.index(text) + 1 if text in bins.categories else -1] += 1
        elif value < bins.edges[0]:
            counts[1] += 1
        elif value > bins.maximum:
            counts[-1] += 1
        else:
            counts[1 + np.searchsorted(bins.edges, value, side="right")] += 1
    return counts


@pytest.mark.parametrize("column", ["age", "spend", "plan", "member"])
def test_drift_is_that_of_numpy_and_scipy_on_what_stands_in_the_json(buyer, column):
    rows = visits(700, seed=2, first=4_000)
    older = pa.array(np.asarray(rows["age"]) + 5)
    score(buyer, rows.set_column(2, "age", older))
    monitor(buyer)
    before, after = features(buyer, "sqlml.reference_row", column), features(buyer, "prediction", column)
    assert (len(before), len(after)) == (1_000, 700)
    text = buyer.execute("SELECT bins FROM sqlml.reference_profile WHERE column_name = $1", [column]).fetchall()[0][0]
    p, q = (bin_counts(bins_of(text), values) / len(values) for values in (before, after))
    floored = [np.maximum(share[(p + q) > 0], 1e-4) for share in (p, q)]
    if isinstance(bins_of(text), NumberBins):
        floored = [np.maximum(np.delete(share, 0) if p[0] + q[0] == 0 else share, 1e-4) for share in (p, q)]
    psi = ((floored[1] - floored[0]) * np.log(floored[1] / floored[0])).sum()
    assert drift(buyer, "psi", column) == (pytest.approx(psi, rel=1e-9), 1_000, 700)
    assert drift(buyer, "jensen_shannon_distance_base2", column)[0] == pytest.approx(jensenshannon(p, q, 2), rel=1e-9)
    if column in ("age", "spend"):
        values = [np.array([value for value in side if value is not None]) for side in (before, after)]
        gap = ks_2samp(*values).statistic
        assert drift(buyer, "ks_statistic", column) == (pytest.approx(gap, rel=1e-9), len(values[0]), len(values[1]))
        assert drift(buyer, "wasserstein_distance", column)[0] == pytest.approx(wasserstein_distance(*values), rel=1e-9)


def test_realised_performance_is_that_of_scikit_learn_on_rows_with_a_truth(buyer):
    rows = visits(600, seed=3, first=4_000)
    score(buyer, rows)
    truth(buyer, rows.slice(0, 450))
    monitor(buyer)
    found = {
        row[0]: row[1:]
        for row in buyer.execute(
            "SELECT metric, value, ci_low, ci_high, n, label_coverage FROM sqlml.latest_performance"
        ).fetchall()
    }
    p = np.array([v for (v,) in buyer.execute("SELECT prediction FROM prediction ORDER BY visit_id").fetchall()])[:450]
    y = np.asarray(rows["bought"])[:450]
    value, low, high, n, coverage = found["roc_auc"]
    assert (value, n, coverage) == (pytest.approx(metrics.roc_auc_score(y, p), rel=1e-9), 450, 0.75)
    assert found["log_loss"][0] == pytest.approx(metrics.log_loss(y, p), rel=1e-9)
    assert found["brier_score"][0] == pytest.approx(metrics.brier_score_loss(y, p), rel=1e-9)
    assert found["accuracy"][0] == pytest.approx(metrics.accuracy_score(y, p > 0.5), rel=1e-9)
    assert found["label_coverage"] == (0.75, None, None, 600, 0.75)
    # Hanley and McNeil's bound of the error of an area under the curve is near DeLong's.
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    error = np.sqrt(
        (value * (1 - value) + (y.sum() - 1) * (q1 - value**2) + ((~y).sum() - 1) * (q2 - value**2))
        / (y.sum() * (~y).sum())
    )
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.2)
    assert found["accuracy"][1:3] == (None, None)


def test_rows_that_are_the_reference_have_not_drifted_whatever_their_types(con):
    """All of a version's held-out rows scored again: nothing may change on the way through JSON."""
    random = np.random.default_rng(7)
    n = 2_000
    wild = random.normal(size=n)
    wild[::50], wild[1::50], wild[2::50] = np.nan, np.inf, -np.inf
    rows = pa.table(
        {
            "visit_id": np.arange(n),
            "seen_at": np.datetime64("2024-01-01", "us") + np.arange(n) * np.timedelta64(60, "s"),
            "Öl \"'price": pa.array(random.normal(size=n).astype(np.float32)),
            "wild": wild,
            "huge": 10.0 ** random.uniform(-30, 30, n),
            "prediction": random.integers(0, 1_000_000, n) / 7,
            "price": pa.array(np.round(random.uniform(0, 99, n), 2)).cast(pa.decimal128(10, 2)),
            "flag": pa.array(random.random(n) < 0.1, mask=random.random(n) < 0.3),
            "word": random.choice(["", "null", 'a"b', "é", "other"], n),
            "day": np.datetime64("2020-02-28") + random.integers(0, 3, n),
            "moment": np.datetime64("2020-02-28T00:00:00.000001", "us") + random.integers(0, 10**9, n),
            "bought": random.random(n) < 0.5,
        }
    )
    put(con, "visit", rows)
    con.execute(
        "CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', time_column => 'seen_at', "
        "features => $f, deploy => 'always', hyperparams => '{\"n_estimators\": 5}')",
        {"f": json.dumps(rows.column_names[2:-1])},
    )
    held_out = rows.slice(1_500)
    score(
        con, held_out, relation='SELECT * EXCLUDE (bought, wild, price), wild AS "WILD", price AS "Price" FROM scored'
    )
    truth(con, held_out)
    assert monitor(con)["alerts"] == 0
    measured = con.execute("SELECT column_name, metric, value FROM sqlml.drift_metric").fetchall()
    assert {column for column, _, _ in measured} == {*rows.column_names[2:-3], "prediction of the model"} - {"day"}
    assert [row for row in measured if row[2] != 0.0] == []
    trained = con.execute("SELECT value FROM sqlml.metric WHERE dataset = 'test' AND metric = 'roc_auc'").fetchall()
    realised = con.execute("SELECT value FROM sqlml.latest_performance WHERE metric = 'roc_auc'").fetchall()
    assert realised == trained
    profiled = con.execute("SELECT DISTINCT column_name FROM sqlml.profile_metric").fetchall()
    assert {("day",), ("moment",)} <= set(profiled)


def test_windows_without_drift_do_not_alert(buyer):
    for month in range(4):
        rows = visits(500, seed=20 + month, first=4_000 + 500 * month)
        score(buyer, rows)
        truth(buyer, rows)
        assert monitor(buyer)["predictions"] == 500
    assert alerts(buyer) == alerts(buyer, "closed") == []
    assert buyer.execute("SELECT count(DISTINCT window_start) FROM sqlml.latest_drift").fetchall() == [(4,)]


def test_a_december_is_found_and_over_in_january(buyer):
    """A month in which ages shift, a column is no longer filled and the target no longer follows."""
    months = [visits(800, seed=40 + month, first=4_000 + 800 * month) for month in range(3)]
    december = months[1]
    december = december.set_column(2, "age", pa.array(np.asarray(december["age"]) + 6))
    december = december.set_column(3, "spend", pa.nulls(800, pa.float64()))
    december = december.set_column(6, "bought", pa.array(np.random.default_rng(0).random(800) < 0.5))
    opened = []
    for month in (months[0], december, months[2]):
        score(buyer, month)
        truth(buyer, month)
        opened.append((monitor(buyer)["alerts"], alerts(buyer)))
    found = [
        "drift:buyer@1:age", "drift:buyer@1:prediction", "drift:buyer@1:spend", "missing_share:buyer@1:spend",
        "performance:buyer@1:roc_auc",
    ]  # fmt: skip
    assert opened == [(0, []), (5, found), (0, [])]
    assert alerts(buyer, "closed") == found
    row = buyer.execute(
        "SELECT severity, value, threshold, closed_run_id IS NOT NULL, message FROM sqlml.alert "
        "WHERE source = 'missing_share'"
    ).fetchall()[0]
    assert (row[0], row[1], row[3]) == ("error", 1.0, True)
    assert 0.05 < row[2] < 0.2
    assert row[4].startswith("'spend' of buyer@1 is missing in 100.0% of rows")


def test_an_alert_that_holds_is_opened_once_and_old_windows_leave_it_alone(buyer):
    shifted = visits(500, seed=60, first=4_000)
    score(buyer, shifted.set_column(2, "age", pa.array(np.asarray(shifted["age"]) + 20)))
    assert monitor(buyer)["alerts"] == 2
    window = ", window_start => TIMESTAMP '2024-01-28 18:40:00', window_end => TIMESTAMP '2024-02-01'"
    again = monitor(buyer, window)
    assert again["note"] == "a later window was monitored before, so no alert was opened or closed"
    late = visits(500, seed=61, first=4_500)
    score(buyer, late.set_column(2, "age", pa.array(np.asarray(late["age"]) + 20)))
    assert monitor(buyer)["alerts"] == 2
    assert buyer.execute("SELECT count(*), count(DISTINCT dedup_key) FROM sqlml.alert").fetchall() == [(2, 2)]


def test_an_open_alert_shows_the_newest_numbers_and_the_value_with_which_it_was_opened(buyer):
    """A shift that begins small and grows: whoever reads the alert sees how it is, since when, and how it began."""
    shown = """SELECT severity, value, threshold, message, opened_value, run_id, updated_run_id, window_start,
        window_end, opened_at < updated_at FROM sqlml.alert WHERE dedup_key = 'drift:buyer@1:age'"""
    runs, standing = [], []
    for position, years in enumerate((4, 8, 6)):
        rows = visits(800, seed=62 + position, first=4_000 + 800 * position)
        score(buyer, rows.set_column(2, "age", pa.array(np.asarray(rows["age"]) + years)))
        runs.append(monitor(buyer))
        measured = drift_of(buyer, runs[-1]["run_id"])
        ((severity, value, threshold, message, *rest),) = buyer.execute(shown).fetchall()
        assert (value, threshold) == (measured[0], max(measured[1], 0.02))
        assert f"psi {value:.4f}" in message
        standing.append((severity, value, *rest))
    window = [(run["monitored_from"], run["monitored_to"]) for run in runs]
    began = (standing[0][1], runs[0]["run_id"])
    assert [row[0] for row in standing] == ["warn", "error", "error"]
    assert [row[2:4] for row in standing] == [began] * 3
    assert [row[4] for row in standing] == [run["run_id"] for run in runs]
    assert [row[5:7] for row in standing] == window
    assert [row[7] for row in standing] == [False, True, True]
    rows = visits(800, seed=65, first=6_400)
    score(buyer, rows)
    monitor(buyer)
    ((*_, closed_by, value, updated_by),) = buyer.execute(
        "SELECT closed_run_id, value, updated_run_id FROM sqlml.alert WHERE dedup_key = 'drift:buyer@1:age'"
    ).fetchall()
    assert (value, updated_by) == (standing[2][1], runs[2]["run_id"])
    assert closed_by not in {run["run_id"] for run in runs}


def drift_of(con, run_id):
    return con.execute(
        "SELECT value, threshold FROM sqlml.drift_metric WHERE run_id = $1 AND metric = 'psi' AND column_name = 'age'",
        [run_id],
    ).fetchall()[0]


def test_a_new_version_is_measured_by_itself_and_closes_the_alerts_of_the_old(buyer):
    shifted = visits(500, seed=70, first=4_000)
    shifted = shifted.set_column(2, "age", pa.array(np.asarray(shifted["age"]) + 20))
    score(buyer, shifted)
    monitor(buyer)
    assert alerts(buyer) == ["drift:buyer@1:age", "drift:buyer@1:prediction"]
    newer = visits(4_000, seed=71)
    put(buyer, "visit", newer.set_column(2, "age", pa.array(np.asarray(newer["age"]) + 20)))
    buyer.execute(TRAIN)
    later = visits(500, seed=72, first=4_500)
    score(buyer, later.set_column(2, "age", pa.array(np.asarray(later["age"]) + 20)))
    assert monitor(buyer)["alerts"] == 0
    versions = "SELECT version FROM sqlml.latest_drift GROUP BY version, window_start ORDER BY window_start"
    assert buyer.execute(versions).fetchall() == [(1,), (2,)]
    everything = ", window_start => DATE '2024-01-01', window_end => DATE '2025-01-01'"
    assert monitor(buyer, everything)["predictions"] == 1_000


def test_running_a_window_again_adds_a_run_and_the_views_show_the_newest(buyer):
    rows = visits(200, seed=80, first=4_000)
    score(buyer, rows)
    window = ", window_start => DATE '2024-01-01', window_end => DATE '2024-12-01'"
    first = monitor(buyer, window)
    truth(buyer, rows)
    second = monitor(buyer, window)
    assert second["metrics"] > first["metrics"]
    for name in ("profile", "drift", "performance"):
        runs = f"SELECT count(DISTINCT run_id) FROM sqlml.{name}_metric"
        assert buyer.execute(runs).fetchall() == [(2,)]
        assert buyer.execute(f"SELECT DISTINCT run_id FROM sqlml.latest_{name}").fetchall() == [(second["run_id"],)]


def test_slices_are_measured_apart_and_against_the_same_slice(buyer):
    rows = visits(900, seed=90, first=4_000)
    plus = np.asarray(rows["plan"]) == "plus"
    score(buyer, rows.set_column(2, "age", pa.array(np.asarray(rows["age"]) + 15 * plus)))
    truth(buyer, rows)
    monitor(buyer, ', slices => \'["plan", "MEMBER"]\'')
    drifted = buyer.execute(
        "SELECT slice_key, slice_value FROM sqlml.latest_drift "
        "WHERE metric = 'ks_statistic' AND column_name = 'age' AND drifted AND slice_key = 'plan'"
    ).fetchall()
    assert drifted == [("plan", "plus")]
    n = buyer.execute(
        "SELECT slice_key, slice_value, n FROM sqlml.latest_performance WHERE metric = 'roc_auc' ORDER BY ALL"
    ).fetchall()
    assert {row[:2] for row in n} == {
        ("plan", "basic"), ("plan", "plus"), ("plan", "pro"), ("member", "false"), ("member", "true"), (None, None)
    }  # fmt: skip
    assert sum(row[2] for row in n) == 3 * 900
    counted = buyer.execute(
        "SELECT value FROM sqlml.latest_profile WHERE metric = 'n' AND column_name = 'age' AND slice_value = 'plus'"
    ).fetchall()
    assert counted == [(plus.sum(),)]
    with pytest.raises(InvalidArgument, match=r"slices => 'age' is a number; slice by a text"):
        monitor(buyer, ", window_start => DATE '2024-01-01', slices => '[\"age\"]'")


def test_a_low_coverage_alerts_where_truth_was_ever_recorded(buyer):
    rows = visits(300, seed=100, first=4_000)
    score(buyer, rows)
    window = ", window_start => DATE '2024-01-01', window_end => DATE '2024-12-01'"
    assert monitor(buyer, window)["alerts"] == 0
    truth(buyer, rows.slice(0, 100))
    monitor(buyer, window)
    assert alerts(buyer) == ["label_coverage:buyer@1:label_coverage"]
    truth(buyer, rows)
    assert monitor(buyer, window)["alerts"] == 0


def test_regression_and_multiclass_are_judged_by_their_own_metrics(con):
    random = np.random.default_rng(5)
    x = random.normal(size=1_200)
    kind = np.array(["low", "mid", "top"])[np.digitize(x + random.normal(scale=0.5, size=1_200), [-0.5, 0.5])]
    rows = pa.table({"id": np.arange(1_200), "x": x, "y": 3 * x + random.normal(size=1_200), "kind": kind})
    put(con, "t", rows)
    for model, target in (("size", "y"), ("kind", "kind")):
        con.execute(
            f"CALL sqlml.train('{model}', 't', '{target}', features => '[\"x\"]', algorithm => 'linear', "
            "deploy => 'always')"
        )
        con.execute(f"CALL sqlml.score('{model}', 't', '{model}_prediction', key_column => 'id')")
        con.execute(f"CALL sqlml.record_truth('{model}', 't', 'id', '{target}')")
        con.execute(f"CALL sqlml.monitor('{model}')")
    found = dict(con.execute("SELECT metric, value FROM sqlml.latest_performance WHERE model = 'size'").fetchall())
    value = np.array([v for (v,) in con.execute("SELECT prediction FROM size_prediction ORDER BY id").fetchall()])
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(rows["y"], value), rel=1e-9)
    assert found["r2"] == pytest.approx(metrics.r2_score(rows["y"], value), rel=1e-9)
    found = dict(con.execute("SELECT metric, value FROM sqlml.latest_performance WHERE model = 'kind'").fetchall())
    shares = [
        json.loads(text) for (text,) in con.execute("SELECT predict_proba('kind', t) FROM t ORDER BY id").fetchall()
    ]
    loss = metrics.log_loss(kind, [[row[label] for label in ("low", "mid", "top")] for row in shares])
    assert found["log_loss"] == pytest.approx(loss, rel=1e-9)
    labels = [label for (label,) in con.execute("SELECT label FROM kind_prediction ORDER BY id").fetchall()]
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(kind, labels), rel=1e-9)
    bins = con.execute(
        "SELECT bin_label FROM sqlml.reference_count WHERE model = 'kind' AND column_name = 'prediction' ORDER BY bin"
    ).fetchall()
    assert sorted(label for (label,) in bins) == ["low", "mid", "top"]


def test_a_version_without_a_reference_and_predictions_without_features_are_said(buyer):
    score(buyer, visits(200, seed=110, first=4_000))
    buyer.execute("DELETE FROM sqlml.reference_profile")
    buyer.execute("UPDATE prediction SET features = NULL")
    answer = monitor(buyer)
    assert answer["note"] == (
        "200 of 200 predictions of buyer@1 were kept without their features; "
        "buyer@1 was trained before references were kept: train again to see drift"
    )
    assert buyer.execute("SELECT DISTINCT column_name FROM sqlml.profile_metric").fetchall() == [("prediction",)]
    assert buyer.execute("SELECT count(*) FROM sqlml.drift_metric").fetchall() == [(0,)]


def test_a_failure_while_monitoring_leaves_nothing(buyer, monkeypatch):
    score(buyer, visits(200, seed=120, first=4_000))

    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("sqlml.lifecycle.monitor.add_window", fail)
    with pytest.raises(sqlml.SqlmlError, match=r"RuntimeError: the disk is full.*Nothing was changed"):
        monitor(buyer)
    for table in ("profile_metric", "drift_metric", "performance_metric", "monitored_window", "alert"):
        assert buyer.execute(f"SELECT count(*) FROM sqlml.{table}").fetchall() == [(0,)]
    assert buyer.execute("SELECT count(*) FROM sqlml.run WHERE kind = 'monitor'").fetchall() == [(0,)]
    monkeypatch.undo()
    assert monitor(buyer)["predictions"] == 200


def test_a_failure_while_training_leaves_no_reference(buyer, monkeypatch):
    before = buyer.execute("SELECT count(*) FROM sqlml.reference_count").fetchall()

    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("sqlml.lifecycle.train.add_trials", fail)
    with pytest.raises(sqlml.SqlmlError):
        buyer.execute(TRAIN)
    assert buyer.execute("SELECT count(*) FROM sqlml.reference_count").fetchall() == before


def test_bad_input(buyer):
    buyer.execute("BEGIN")
    with pytest.raises(TransactionError, match=r"sqlml\.monitor commits its own work"):
        monitor(buyer)
    buyer.rollback()
    score(buyer, visits(50, seed=130, first=4_000))
    buyer.execute("DROP TABLE prediction")
    with pytest.raises(InvalidData, match=r"table 'main.prediction' of model 'buyer' is left out: it is gone"):
        monitor(buyer)


def test_the_sample_of_the_reference_is_seeded_and_small(con):
    put(con, "visit", visits(12_000, seed=140))
    for _ in range(2):
        con.execute(TRAIN)
    rows = con.execute(
        "SELECT version, count(*), md5(string_agg(features, '' ORDER BY rowid)) FROM sqlml.reference_row "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [row[:2] for row in rows] == [(1, 2_000), (2, 2_000)]
    assert rows[0][2] == rows[1][2]
    n = con.execute("SELECT DISTINCT n FROM sqlml.reference_profile").fetchall()
    assert n == [(3_000,)]
