"""The profile of a relation: its table of metrics, every number against numpy, and values that cannot be measured."""

import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.profile import PROFILE_METRICS, PROFILE_TYPES, profile_select
from sqlml.measure.subset import DIALECTS, expression

GOLDEN = Path(__file__).parents[2] / "fixtures" / "measure"
RELATION = exp.to_table("scored")
DAY = exp.TimestampTrunc(this=exp.column("at_time"), unit=exp.var("DAY"))
TYPES = {
    "amount": "number",
    "pieces": "integer",
    "chance": "prediction",
    "Kind of": "text",
    "flag": "boolean",
    "born": "date",
    "at_time": "timestamp",
}
RANDOM = np.random.default_rng(12)
ROWS = 2_000
DATA = pa.table(
    {
        "amount": pa.array([None if i % 11 == 0 else math.nan if i % 13 == 0 else i % 97 / 7 for i in range(ROWS)]),
        "pieces": pa.array(RANDOM.integers(-5, 50, ROWS)),
        "chance": pa.array(RANDOM.random(ROWS)),
        "Kind of": pa.array(RANDOM.choice(["", "ä", "two words", "b"], ROWS), mask=RANDOM.random(ROWS) < 0.1),
        "flag": pa.array(RANDOM.random(ROWS) < 0.3, mask=RANDOM.random(ROWS) < 0.2),
        "born": pa.array(np.datetime64("2000-01-01") + RANDOM.integers(0, 40, ROWS)),
        "at_time": np.datetime64("2024-01-01T00:00", "us") + RANDOM.integers(0, 72, ROWS) * np.timedelta64(1, "h"),
        "region": pa.array(RANDOM.choice(["north", "south"], ROWS), mask=RANDOM.random(ROWS) < 0.2),
    }
)


def quantile(share):
    return lambda present, rows: sorted(present)[math.ceil(share * len(present)) - 1] if present else None


def of_present(function, least=1):
    return lambda present, rows: function(present) if len(present) >= least else None


ORACLES = {
    "n": lambda present, rows: rows,
    "n_missing": lambda present, rows: rows - len(present),
    "share_missing": lambda present, rows: (rows - len(present)) / rows,
    "n_distinct": lambda present, rows: len(set(present)),
    "mean": of_present(np.mean),
    "stddev": of_present(lambda present: np.std(present, ddof=1), least=2),
    "min": of_present(min),
    "max": of_present(max),
    "p05": quantile(0.05),
    "p25": quantile(0.25),
    "p50": quantile(0.5),
    "p75": quantile(0.75),
    "p95": quantile(0.95),
    "share_empty": lambda present, rows: present.count("") / rows,
    "max_length": of_present(lambda present: max(map(len, present))),
    "share_true": lambda present, rows: sum(present) / rows,
    "share_above_half": lambda present, rows: sum(each > 0.5 for each in present) / rows,
}


def expected(column, type_, rows):
    present = [row[column] for row in rows if row[column] is not None and row[column] == row[column]]
    numbers = {each.name: ORACLES[each.name](present, len(rows)) for each in PROFILE_METRICS if type_ in each.types}
    return {metric: math.nan if number is None else number for metric, number in numbers.items()}


def measured(numbers):
    """What SQL says; NULL as NaN, which can be compared."""
    return {metric: math.nan if number is None else number for metric, number in numbers.items()}


def profile(connection, columns, window=None, slices=None):
    query = profile_select(RELATION, columns, window, slices, "duckdb").sql("duckdb")
    found = {}
    for *key, metric, value in connection.execute(query).fetchall():
        assert metric not in found.setdefault(tuple(key), {})
        found[tuple(key)][metric] = value
    return found


def of_numbers(connection, numbers, type_="number"):
    connection.register("scored", pa.table({"x": pa.array(numbers, pa.float64())}))
    return profile(connection, {"x": type_})[None, "x", None, None]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_golden_query(golden, dialect):
    query = profile_select(RELATION, {"chance": "prediction", "Kind of": "text"}, DAY, ["region"], dialect)
    golden(f"profile.{dialect}.sql", query.sql(dialect, pretty=True))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("metric", PROFILE_METRICS, ids=lambda metric: metric.name)
def test_golden_metric(golden, metric, dialect):
    golden(
        f"profile_metric_{metric.name}.{dialect}.sql", exp.select(expression(metric.value)).sql(dialect, pretty=True)
    )


@pytest.mark.parametrize("metric", PROFILE_METRICS, ids=lambda metric: metric.name)
def test_each_metric_is_defined_and_has_an_oracle_and_its_golden_files(metric):
    assert metric.types
    assert set(metric.types) <= set(PROFILE_TYPES)
    assert len(metric.definition) > 10
    assert metric.definition == " ".join(metric.definition.split())
    assert metric.name in ORACLES
    assert all((GOLDEN / f"profile_metric_{metric.name}.{dialect}.sql").exists() for dialect in DIALECTS)


def test_nothing_is_left_over():
    assert set(ORACLES) == {metric.name for metric in PROFILE_METRICS}
    wanted = {f"profile_metric_{name}.{dialect}.sql" for name in ORACLES for dialect in DIALECTS}
    assert {path.name for path in GOLDEN.glob("profile_metric_*")} == wanted


@pytest.mark.parametrize("slices", [[], ["region"], ["region", "flag"]])
@pytest.mark.parametrize("window", [None, DAY])
def test_every_number_is_the_oracles(connection, window, slices):
    connection.register("scored", DATA)
    found = profile(connection, TYPES, window, slices)
    groups = {}
    for row in DATA.to_pylist():
        start = row["at_time"].replace(hour=0) if window else None
        groups.setdefault((start, None, None), []).append(row)
        for key in slices:
            value = str(row[key]).lower() if isinstance(row[key], bool) else row[key]
            groups.setdefault((start, key, value), []).append(row)
    wanted = {
        (start, column, key, value): expected(column, type_, rows)
        for (start, key, value), rows in groups.items()
        for column, type_ in TYPES.items()
    }
    assert found.keys() == wanted.keys()
    for key, numbers in wanted.items():
        assert measured(found[key]) == pytest.approx(numbers, rel=1e-9, abs=0, nan_ok=True), key


def test_columns_and_types(connection):
    connection.register("scored", DATA)
    described = connection.execute(profile_select(RELATION, TYPES, DAY, ["region"], "duckdb").sql("duckdb")).description
    assert [(name, str(type_)) for name, type_, *_ in described] == [
        ("window_start", "TIMESTAMP"),
        *((name, "VARCHAR") for name in ("column_name", "slice_key", "slice_value", "metric")),
        ("value", "DOUBLE"),
    ]


def test_a_spread_far_from_zero_keeps_its_digits(connection):
    found = of_numbers(connection, [1e9 + each / 8 for each in range(100)])
    assert found["stddev"] == pytest.approx(np.std(np.arange(100) / 8, ddof=1), rel=1e-12)


def test_a_slice_far_from_the_others_keeps_its_digits(connection):
    numbers = [*(RANDOM.normal(size=200)), *(RANDOM.normal(size=200) + 1e6)]
    connection.register("scored", pa.table({"x": numbers, "region": ["a"] * 200 + ["b"] * 200}))
    found = profile(connection, {"x": "number"}, None, ["region"])
    for value, part in (("a", numbers[:200]), ("b", numbers[200:])):
        assert found[None, "x", "region", value]["stddev"] == pytest.approx(np.std(part, ddof=1), rel=1e-9)


def test_a_sum_that_a_plain_one_would_lose(connection):
    assert of_numbers(connection, [0.1] * 200_000)["mean"] == 0.1


@pytest.mark.parametrize("wild", [math.inf, -math.inf, 1e60])
def test_a_wild_value_has_no_mean_but_a_place(connection, wild):
    found = of_numbers(connection, [1.0, 2.0, 3.0, wild])
    assert (found["mean"], found["stddev"]) == (None, None)
    assert wild in (found["min"], found["max"])
    assert found["p50"] == (2.0 if wild > 0 else 1.0)


def test_constants_have_no_spread(connection):
    found = of_numbers(connection, [0.1] * 7)
    assert found["stddev"] == 0.0
    assert of_numbers(connection, [1e-160, 2e-160])["stddev"] < 1e-100


@pytest.mark.parametrize("numbers", [[None, None], [math.nan]])
def test_nothing_but_missing_values(connection, numbers):
    found = of_numbers(connection, numbers, "prediction")
    known = {"n": len(numbers), "n_missing": len(numbers), "share_missing": 1.0, "n_distinct": 0.0}
    assert {name: value for name, value in found.items() if value is not None} == {**known, "share_above_half": 0.0}


def test_one_value(connection):
    found = of_numbers(connection, [0.5], "prediction")
    assert (found["mean"], found["stddev"], found["p05"], found["p95"]) == (0.5, None, 0.5, 0.5)
    assert found["share_above_half"] == 0.0


def test_no_rows_have_no_profile(connection):
    connection.register("scored", DATA.slice(0, 0))
    assert profile(connection, TYPES, DAY, ["region"]) == {}
    assert profile(connection, TYPES) == {}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_any_few_numbers(connection, numbers):
    found = of_numbers(connection, numbers)
    wanted = expected("x", "number", [{"x": each} for each in numbers])
    assert measured(found) == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", ["given", "extent", "levels", "grouped", "source"])
def test_a_relation_may_have_any_name(connection, name):
    connection.register("scored", DATA)
    wanted = profile(connection, TYPES, DAY, ["region"])
    connection.execute(f"CREATE TABLE {name} AS FROM scored")
    query = profile_select(exp.to_table(name), TYPES, DAY, ["region"], "duckdb").sql("duckdb")
    found = connection.execute(query).fetchall()
    assert {row[:4]: wanted[row[:4]][row[4]] for row in found} == {row[:4]: row[5] for row in found}


def test_a_query_can_be_profiled(connection):
    connection.register("scored", DATA)
    query = profile_select(exp.select("*").from_("scored").limit(10), {"pieces": "integer"}, None, None, "duckdb")
    assert ("n", 10.0) in [row[4:] for row in connection.execute(query.sql("duckdb")).fetchall()]


@pytest.mark.parametrize(
    ("columns", "dialect", "message"),
    [({}, "duckdb", "no column"), ({"x": "colour"}, "duckdb", "colour"), ({"x": "number"}, "mysql", "mysql")],
)
def test_what_is_refused(columns, dialect, message):
    with pytest.raises(InvalidArgument, match=message):
        profile_select(RELATION, columns, None, None, dialect)


def test_windows_are_kept_apart(connection):
    connection.register(
        "scored", pa.table({"x": [1.0, 2.0], "at_time": [datetime(2024, 1, 1, 5), datetime(2024, 1, 2)]})
    )
    found = profile(connection, {"x": "number"}, DAY)
    assert {key[0]: numbers["mean"] for key, numbers in found.items()} == {
        datetime(2024, 1, 1): 1.0,
        datetime(2024, 1, 2): 2.0,
    }
