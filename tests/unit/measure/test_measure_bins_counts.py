"""Rows counted by bin, window, column and slice."""

from collections import Counter
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.bins import CategoryBins, NumberBins, bin_expression, bin_places, reference_bins
from sqlml.measure.counts import KEYS, counts_select
from sqlml.measure.subset import DIALECTS

BINS = {"x": NumberBins((0.0, 1.0), 5.0), "Kind of": CategoryBins(("a", "b"))}
DAY = exp.TimestampTrunc(this=exp.column("at_time"), unit=exp.var("DAY"))
RANDOM = np.random.default_rng(8)
ROWS = 3_000
DATA = pa.table(
    {
        "x": pa.array(RANDOM.uniform(-1, 6, ROWS), mask=RANDOM.random(ROWS) < 0.1),
        "Kind of": pa.array(RANDOM.choice(["a", "b", "c"], ROWS), mask=RANDOM.random(ROWS) < 0.1),
        "at_time": np.datetime64("2024-01-01T00:00", "us") + RANDOM.integers(0, 72, ROWS) * np.timedelta64(1, "h"),
        "region": pa.array(RANDOM.choice(["north", "south"], ROWS), mask=RANDOM.random(ROWS) < 0.2),
        "flag": RANDOM.random(ROWS) < 0.5,
    }
)


def counted(connection, relation, *arguments):
    rows = connection.execute(counts_select(relation, *arguments).sql("duckdb")).fetchall()
    assert len({row[:-1] for row in rows}) == len(rows)
    return {row[:-1]: row[-1] for row in rows}


def expected(slices, by_day):
    found = Counter()
    for row in DATA.to_pylist():
        day = row["at_time"].replace(hour=0) if by_day else None
        x, kind = row["x"], row["Kind of"]
        inner = None if x is None else 1 if x < 0 else 2 if x < 1 else 3 if x <= 5 else 4
        bins = {"x": inner or 0, "Kind of": 0 if kind is None else {"a": 1, "b": 2}.get(kind, 3)}
        for column, bin_ in bins.items():
            found[day, column, None, None, bin_] += 1
            for key in slices:
                value = str(row[key]).lower() if isinstance(row[key], bool) else row[key]
                found[day, column, key, value, bin_] += 1
    return dict(found)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_golden_query(golden, dialect):
    query = counts_select(exp.to_table("scored"), BINS, ["region"], DAY)
    golden(f"counts.{dialect}.sql", query.sql(dialect, pretty=True))
    query = counts_select(exp.to_table("scored"), {"Kind of": BINS["Kind of"]})
    golden(f"counts_of_one_column.{dialect}.sql", query.sql(dialect, pretty=True))


@pytest.mark.parametrize("slices", [[], ["region"], ["region", "flag"]])
@pytest.mark.parametrize("by_day", [False, True])
def test_counts_are_those_of_python(connection, slices, by_day):
    connection.register("scored", DATA)
    found = counted(connection, exp.to_table("scored"), BINS, slices, DAY if by_day else None)
    assert {key: n for key, n in found.items() if n} == expected(slices, by_day)


def test_columns_and_types(connection):
    connection.register("scored", DATA)
    for columns in (BINS, {"Kind of": BINS["Kind of"]}):
        described = connection.execute(
            counts_select(exp.to_table("scored"), columns, None, DAY).sql("duckdb")
        ).description
        assert [(name, str(type_)) for name, type_, *_ in described] == [
            ("window_start", "TIMESTAMP"),
            *((name, "VARCHAR") for name in KEYS[1:]),
            ("bin", "INTEGER"),
            ("n", "BIGINT"),
        ]


def test_a_query_can_be_counted_as_well_as_a_table(connection):
    connection.register("scored", DATA)
    query = exp.select("*").from_("scored").where("flag")
    found = counted(connection, query, BINS)
    assert sum(found.values()) == 2 * sum(DATA["flag"].to_pylist())


@pytest.mark.parametrize("name", ["binned", "filled", "ends", "source", '"odd schema"."counted"'])
def test_a_relation_may_have_any_name(connection, name):
    connection.execute('CREATE SCHEMA "odd schema"')
    connection.register("scored", DATA)
    wanted = counted(connection, exp.to_table("scored"), BINS, ["region"], DAY)
    connection.execute(f"CREATE TABLE {name} AS FROM scored")
    relation = exp.maybe_parse(name, into=exp.Table, dialect="duckdb")
    assert counted(connection, relation, BINS, ["region"], DAY) == wanted


def test_bins_out_of_range_of_a_continuous_column_stand_there_when_empty(connection):
    values = RANDOM.normal(size=500)
    connection.register("scored", pa.table({"x": values, "at_time": [datetime(2024, 1, 1)] * 500}))
    bins = reference_bins(pa.array(values))
    found = counted(connection, exp.to_table("scored"), {"x": bins}, None, DAY)
    day = datetime(2024, 1, 1)
    assert found[day, "x", None, None, 1] == found[day, "x", None, None, 12] == 0
    assert sum(found.values()) == 500


def test_bins_out_of_range_of_few_distinct_values_do_not(connection):
    connection.register("scored", pa.table({"x": [1, 2, 2]}))
    found = counted(connection, exp.to_table("scored"), {"x": reference_bins(pa.array([1, 2, 2]))})
    assert set(found.values()) == {1, 2}


def test_no_rows_give_no_counts(connection):
    connection.register("scored", DATA.slice(0, 0))
    assert counted(connection, exp.to_table("scored"), BINS, ["region"], DAY) == {}


def test_no_column_is_refused():
    with pytest.raises(InvalidArgument, match="no column"):
        counts_select(exp.to_table("scored"), {})


def test_names_are_quoted_and_never_pasted(connection):
    wild = 'x"; DROP TABLE scored; --'
    connection.execute("CREATE TABLE scored AS SELECT 1.0 AS x")
    connection.execute('ALTER TABLE scored RENAME x TO "x""; DROP TABLE scored; --"')
    found = counted(connection, exp.to_table("scored"), {wild: BINS["x"]}, [wild])
    assert found[None, wild, None, None, 3] == 1
    assert connection.execute("SELECT COUNT(*) FROM scored").fetchone() == (1,)


MIXED = [None, float("nan"), -float("inf"), float("inf"), -1.0, -0.0, 0.0, 0.5, 1.0, 4.999, 5.0, 5.0000001, 999.0]
TEXTS = [None, "a", "b", "c", "", "A", "N/A", "other"]


@pytest.mark.parametrize(
    ("bins", "values"),
    [
        (NumberBins((0.0, 1.0), 5.0), pa.array(MIXED)),
        (NumberBins((0.0, 1.0), 5.0, (999.0, 0.5)), pa.array(MIXED)),
        (NumberBins((0.0,), 0.0), pa.array(MIXED)),
        (NumberBins((), None), pa.array(MIXED)),
        (NumberBins((), None, (999.0,)), pa.array(MIXED)),
        (NumberBins((0.0, 1.0), 5.0), pa.array([], pa.float64())),
        (CategoryBins(("a", "b")), pa.array(TEXTS)),
        (CategoryBins(("b", "other"), ("N/A", "")), pa.array(TEXTS)),
        (CategoryBins(()), pa.array(TEXTS)),
        (CategoryBins(("false",)), pa.array([True, False, None])),
        (reference_bins(DATA.column("x")), DATA.column("x").combine_chunks()),
    ],
)
def test_places_of_values_in_memory_are_those_of_sql(connection, bins, values):
    connection.register("given", pa.table({"i": range(len(values)), "v": values}))
    query = exp.select(bin_expression(bins, exp.column("v")).as_("bin")).from_("given").order_by("i")
    assert bin_places(bins, values).tolist() == [row[0] for row in connection.execute(query.sql("duckdb")).fetchall()]
