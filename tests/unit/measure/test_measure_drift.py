"""The table of drift metrics, the rows of its queries, and what they say where there is nothing to compare."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from drift_rows import CURRENT, DAY, REFERENCE, SELECTS, counts, drift, rows_of
from scipy.stats import false_discovery_control
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.counts import KEYS
from sqlml.measure.drift import DRIFT_METRICS, drift_metrics, drift_select
from sqlml.measure.subset import DIALECTS

GOLDEN = Path(__file__).parents[2] / "fixtures" / "measure"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reads", SELECTS)
def test_golden_query(golden, reads, dialect):
    query = SELECTS[reads](REFERENCE, CURRENT, dialect)
    golden(f"drift_of_{reads}.{dialect}.sql", query.sql(dialect, pretty=True))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("metric", DRIFT_METRICS, ids=lambda metric: metric.name)
def test_golden_metric(golden, metric, dialect):
    reported = exp.select(metric.reported(exp.column("statistic")))
    text = ";\n".join(tree.sql(dialect, pretty=True) for tree in (metric.row(metric.name), reported))
    golden(f"drift_metric_{metric.name}.{dialect}.sql", text)


@pytest.mark.parametrize("metric", DRIFT_METRICS, ids=lambda metric: metric.name)
def test_each_metric_is_defined_and_has_its_golden_files(metric):
    assert metric.reads in SELECTS
    for line in (metric.definition, metric.threshold):
        assert len(line) > 20
        assert line == " ".join(line.split())
    assert all((GOLDEN / f"drift_metric_{metric.name}.{dialect}.sql").exists() for dialect in DIALECTS)


def test_no_golden_file_is_left_over():
    wanted = {f"drift_metric_{metric.name}.{dialect}.sql" for metric in DRIFT_METRICS for dialect in DIALECTS}
    assert {path.name for path in GOLDEN.glob("drift_metric_*")} == wanted


def test_names_are_unique():
    names = [metric.name for metric in DRIFT_METRICS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("reads", SELECTS)
def test_columns_and_types(connection, reads):
    empty = counts([]).append_column("value", pa.array([], pa.float64()))
    connection.register("reference", empty)
    connection.register("current_rows", empty)
    described = connection.execute(SELECTS[reads](REFERENCE, CURRENT, "duckdb").sql("duckdb")).description
    assert [(name, str(type_)) for name, type_, *_ in described] == [
        ("window_start", "TIMESTAMP"),
        *((name, "VARCHAR") for name in (*KEYS[1:], "metric")),
        *((name, "DOUBLE") for name in ("value", "threshold", "p_value", "p_adjusted")),
        ("n_reference", "BIGINT"),
        ("n_current", "BIGINT"),
        ("drifted", "BOOLEAN"),
    ]


@pytest.mark.parametrize("reads", SELECTS)
def test_unknown_dialect(reads):
    with pytest.raises(InvalidArgument, match="mysql"):
        SELECTS[reads](REFERENCE, CURRENT, "mysql")


EVEN = [("x", None, None, bin_, 100) for bin_ in range(1, 11)]


def test_one_row_for_each_window_column_slice_and_metric(connection):
    current = [
        (window, column, key, value, bin_, 10)
        for window in (DAY, None)
        for column in ("x", "y")
        for key, value in ((None, None), ("s", None), ("s", "a"))
        for bin_ in (1, 2)
    ]
    reference = [(*row[1:5], 50) for row in current if row[0]]
    found = drift(connection, reference, current)
    assert len({tuple(row[key] for key in (*KEYS, "metric")) for row in found}) == len(found) == 12 * 3
    assert {(row["n_reference"], row["n_current"]) for row in found} == {(100, 20)}
    assert {row["value"] for row in found} == {0.0}


def test_a_slice_is_compared_with_its_own_reference(connection):
    reference = [("x", None, None, 1, 500), ("x", None, None, 2, 500), ("x", "s", "a", 1, 500), ("x", "s", "b", 2, 500)]
    current = [(DAY, "x", "s", "a", 1, 100), (DAY, "x", "s", "b", 2, 100)]
    assert {row["value"] for row in drift(connection, reference, current)} == {0.0}
    swapped = [(DAY, "x", "s", "b", 1, 100), (DAY, "x", "s", "a", 2, 100)]
    assert all(row["drifted"] for row in drift(connection, reference, swapped))


@pytest.mark.parametrize("key", [("z", None, None), ("x", "s", None), ("x", "s", "new")])
def test_without_a_reference_nothing_is_said(connection, key):
    found = drift(connection, EVEN, [(DAY, *key, 1, 10)])
    assert len(found) == 3
    for row in found:
        assert [row[name] for name in ("value", "threshold", "p_value", "p_adjusted", "drifted")] == [None] * 5
        assert (row["n_reference"], row["n_current"]) == (0, 10)


def test_an_unknown_reference_does_not_count_among_the_tests(connection):
    current = [(DAY, "x", None, None, bin_, 10 + bin_) for bin_ in range(1, 11)]
    for row in drift(connection, EVEN, [*current, (DAY, "new", None, None, 1, 10)]):
        assert row["p_adjusted"] == row["p_value"]


def test_one_bin_has_nowhere_to_drift(connection):
    for row in drift(connection, [("x", None, None, 1, 100)], [(DAY, "x", None, None, 1, 10)]):
        assert [row[name] for name in ("value", "threshold", "p_value", "drifted")] == [0.0, None, 1.0, False]


def test_too_few_rows_for_a_chi_square_are_no_alarm(connection):
    [row] = [row for row in drift(connection, EVEN, [(DAY, "x", None, None, 10, 3)]) if row["metric"] == "chi_square"]
    assert [row[name] for name in ("value", "threshold", "p_value", "drifted")] == [0.0, None, 1.0, False]


@pytest.mark.parametrize("bin_", [0, 11, 12])
def test_a_bin_that_the_reference_never_filled_is_an_alarm(connection, bin_):
    current = [(DAY, "x", None, None, each, 90) for each in range(1, 11)] + [(DAY, "x", None, None, bin_, 100)]
    assert all(row["drifted"] for row in drift(connection, EVEN, current))


def test_rows_of_the_same_bin_add_up(connection):
    current = [(DAY, "x", None, None, bin_, bin_) for bin_ in range(1, 11)]
    halves = [(*row[:5], part) for row in current for part in (row[5] - 1, 1)]
    wanted = drift(connection, EVEN, current)
    found = drift(connection, [(*row[:4], 50) for row in EVEN] * 2, halves)
    assert sorted(map(str, found)) == sorted(map(str, wanted))


def test_alarms_allow_for_the_number_of_looks(connection):
    """Benjamini and Hochberg's p-values, over the columns and slices of one window and metric."""
    current = [
        (window, "x", *((None, None) if slot == 0 else ("s", str(slot))), bin_, 20 + slot * (1 if bin_ < 6 else -1))
        for window in (DAY, datetime(2024, 1, 2))
        for slot in range(10)
        for bin_ in range(1, 11)
    ]
    reference = [(*row[1:5], 100) for row in current if row[0] == DAY]
    found = drift(connection, reference, current)
    families = {}
    for row in found:
        families.setdefault((row["window_start"], row["metric"]), []).append(row)
    assert {len(rows) for rows in families.values()} == {10}
    for rows in families.values():
        wanted = false_discovery_control([row["p_value"] for row in rows])
        assert [row["p_adjusted"] for row in rows] == pytest.approx(wanted, rel=1e-12, abs=0)
        assert [row["drifted"] for row in rows] == [p <= 0.05 for p in wanted]
    assert any(row["p_adjusted"] > row["p_value"] for row in found)
    assert any(row["p_value"] <= 0.05 < row["p_adjusted"] for row in found)
    assert any(row["drifted"] for row in found)


def test_the_threshold_is_where_the_p_value_is_five_percent(connection):
    current = [
        (DAY, f"c{column}", None, None, bin_, 50 + (bin_ - 5) * column // 3)
        for column in range(30)
        for bin_ in range(1, 11)
    ]
    found = drift(connection, [(f"c{column}", *row[1:]) for column in range(30) for row in EVEN], current)
    for row in found:
        assert (row["value"] >= row["threshold"]) == (row["p_value"] <= 0.05)
    assert {row["p_value"] <= 0.05 for row in found} == {True, False}


@pytest.mark.parametrize("name", ["given", "cells", "shares", "tests", "nodes", "verdicts", "source"])
def test_a_relation_may_have_any_name(connection, name):
    current = [(DAY, *row[:4], row[4] + row[3]) for row in EVEN]
    wanted = drift(connection, EVEN, current)
    connection.execute(f"CREATE TABLE {name} AS FROM reference")
    connection.execute("CREATE TABLE here AS FROM current_rows")
    found = rows_of(connection, drift_select(exp.to_table(name), exp.to_table("here"), "duckdb").sql("duckdb"))
    assert sorted(map(str, found)) == sorted(map(str, wanted))


def test_both_sources_have_metrics():
    assert {metric.reads for metric in DRIFT_METRICS} == set(SELECTS)
    assert sum(len(drift_metrics(reads)) for reads in SELECTS) == len(DRIFT_METRICS)
