"""Kolmogorov-Smirnov and Wasserstein against scipy."""

import math
import warnings
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from drift_rows import CURRENT, TEXT, query_text, rows_of, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sqlglot import exp

from sqlml.measure.distance import KOLMOGOROV_95, LEAST_SPREAD, kolmogorov_tail
from sqlml.measure.drift import drift_metrics, ks_select
from sqlml.measure.subset import select

X = ("x", None, None)


def drift(connection, reference, current):
    connection.register("reference", values(reference).drop_columns("window_start"))
    connection.register("current_rows", values(current))
    return rows_of(connection, query_text("values"))


def of_one(connection, reference, current):
    return {row["metric"]: row for row in drift(connection, [(None, X, reference)], [(None, X, current)])}


def normalised(reference, current):
    return stats.wasserstein_distance(reference, current) / max(np.std(reference), LEAST_SPREAD)


def ks_statistic(reference, current):
    with warnings.catch_warnings():
        # Of its p-value for a handful of values, which is not looked at.
        warnings.simplefilter("ignore", RuntimeWarning)
        return stats.ks_2samp(reference, current, method="asymp").statistic


ORACLES = {
    "ks_statistic": ks_statistic,
    "wasserstein_distance": stats.wasserstein_distance,
    "wasserstein_distance_normalised": normalised,
}
RANDOM = np.random.default_rng(4)
CASES = {
    "alike": (RANDOM.normal(size=2_000), RANDOM.normal(size=300)),
    "shifted": (RANDOM.normal(size=1_000), RANDOM.normal(size=1_000) + 0.4),
    "ties": (RANDOM.integers(0, 5, 900).astype(float), RANDOM.integers(1, 6, 700).astype(float)),
    "far from zero": (RANDOM.normal(size=500) + 1e8, RANDOM.normal(size=500) + 1e8),
    "heavy tails": (RANDOM.standard_cauchy(800), RANDOM.standard_cauchy(200)),
    "apart": (np.arange(50.0), np.arange(50.0) + 100),
    "the same values": (np.arange(50.0), np.arange(50.0)),
    "one value each": (np.array([1.5]), np.array([2.5])),
    "a constant reference": (np.full(20, 0.1), np.array([0.1, 0.2, 0.4])),
    "large constants": (np.full(20, 1e20), np.full(9, 1e20)),
    "tiny": (np.array([1e-160, 2e-160]), np.array([3e-160, 2e-160])),
}


def test_every_metric_of_values_has_an_oracle():
    assert set(ORACLES) == {metric.name for metric in drift_metrics("values")}


@pytest.mark.parametrize("case", CASES)
def test_every_value_is_the_oracles(connection, case):
    reference, current = CASES[case]
    found = of_one(connection, reference, current)
    wanted = {metric: oracle(reference, current) for metric, oracle in ORACLES.items()}
    assert {metric: row["value"] for metric, row in found.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-100)
    assert {(row["n_reference"], row["n_current"]) for row in found.values()} == {(len(reference), len(current))}


@pytest.mark.parametrize("case", CASES)
def test_p_value_and_threshold_are_kolmogorovs(connection, case):
    reference, current = CASES[case]
    effective = math.sqrt(len(reference) * len(current) / (len(reference) + len(current)))
    row = of_one(connection, reference, current)["ks_statistic"]
    assert row["p_value"] == pytest.approx(stats.kstwobign.sf(effective * row["value"]), rel=1e-9, abs=1e-250)
    assert row["threshold"] == pytest.approx(stats.kstwobign.isf(0.05) / effective, rel=1e-12)
    assert row["drifted"] is (row["p_value"] <= 0.05)


def test_a_distance_without_a_threshold_never_alarms(connection):
    found = of_one(connection, *CASES["apart"])
    for metric in ("wasserstein_distance", "wasserstein_distance_normalised"):
        assert [found[metric][name] for name in ("threshold", "p_value", "p_adjusted", "drifted")] == [None] * 4


def test_the_tail_of_kolmogorovs_distribution(connection):
    points = [0.0, 0.01, 0.05, 0.2, 0.5, 0.9, 0.9999999, 1.0, 1.3, 2.0, 5.0, 12.0, 17.9, 30.0]
    connection.register("points", pa.table({"x": points}))
    query = select({"x": "x", "upper": kolmogorov_tail(exp.column("x"))}, "points").sql("duckdb")
    found = dict(connection.execute(query).fetchall())
    assert found == pytest.approx({x: stats.kstwobign.sf(x) for x in points}, rel=1e-11, abs=1e-279)
    assert stats.kstwobign.isf(0.05) == pytest.approx(KOLMOGOROV_95, rel=1e-13)


def test_what_is_no_plain_number_is_left_out(connection):
    reference, current = CASES["ties"]
    wild = [None, math.nan, math.inf, -math.inf, 1e60]
    found = of_one(connection, [*reference, *wild], [*wild, *current])
    wanted = of_one(connection, reference, current)
    assert found == wanted


def test_windows_columns_and_slices_are_kept_apart(connection):
    keys = [("x", None, None), ("x", "s", None), ("x", "s", "a"), ("y", "s", "a")]
    days = [datetime(2024, 1, 1), datetime(2024, 1, 2)]
    reference = {key: RANDOM.normal(size=30) * (place + 1) for place, key in enumerate(keys)}
    current = {(day, key): RANDOM.normal(size=20) + place for place, key in enumerate(keys) for day in days}
    found = drift(
        connection,
        [(None, key, numbers) for key, numbers in reference.items()],
        [(day, key, numbers) for (day, key), numbers in current.items()],
    )
    assert len(found) == 8 * 3
    for row in found:
        key = (row["column_name"], row["slice_key"], row["slice_value"])
        wanted = ORACLES[row["metric"]](reference[key], current[row["window_start"], key])
        assert row["value"] == pytest.approx(wanted, rel=1e-9)


def test_without_a_reference_nothing_is_said(connection):
    for row in drift(connection, [(None, X, [1.0])], [(None, ("new", None, None), [1.0, 2.0])]):
        assert [row[name] for name in ("value", "p_value", "drifted")] == [None] * 3
        assert (row["n_reference"], row["n_current"]) == (0, 2)


def test_a_window_without_values_has_no_row(connection):
    assert drift(connection, [(None, X, [1.0])], [(None, X, [None, math.nan])]) == []


FEW = st.lists(st.sampled_from([-2.0, 0.0, 0.1, 0.30000000000000004, 7.0, 1e6]), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FEW, FEW)
def test_any_few_values(connection, reference, current):
    found = of_one(connection, reference, current)
    wanted = {metric: oracle(reference, current) for metric, oracle in ORACLES.items()}
    assert {metric: row["value"] for metric, row in found.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["given", "sound", "windows", "here", "there", "areas"])
def test_a_relation_may_have_any_name(connection, name):
    wanted = of_one(connection, *CASES["ties"])
    connection.execute(f"CREATE TABLE {name} AS FROM reference")
    found = rows_of(connection, ks_select(exp.to_table(name), CURRENT, "duckdb").sql("duckdb"))
    assert {row["metric"]: row for row in found} == wanted


def test_whole_numbers_are_read_as_doubles(connection):
    nothing = pa.nulls(3, TEXT)
    whole = pa.table({"column_name": ["x"] * 3, "slice_key": nothing, "slice_value": nothing, "value": [1, 2, 3]})
    connection.register("reference", whole)
    connection.register("current_rows", values([(None, X, [1.0, 2.0, 3.0])]))
    assert {row["value"] for row in rows_of(connection, query_text("values"))} == {0.0}
