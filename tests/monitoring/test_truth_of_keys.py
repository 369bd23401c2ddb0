"""Truth is looked up by the keys that are asked about, and is what it would be by the whole history."""

import itertools
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.install import install
from sqlml.registry.truth import append_truth, latest_truth

START = datetime(2024, 1, 1)
TYPES = {"key": pa.string(), "value": pa.string(), "event_time": pa.timestamp("us"), "observed_at": pa.timestamp("us")}
days = st.integers(0, 4).map(lambda day: START + timedelta(days=day))
truths = st.tuples(st.sampled_from("abcé"), st.sampled_from("xy"), st.none() | days, days)
batches = st.lists(st.lists(truths, max_size=8, unique_by=lambda row: (row[0], row[2], row[3])), min_size=1, max_size=4)
number = itertools.count()


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request):
    if request.param == "duckdb":
        with request.getfixturevalue("con").cursor() as cursor:
            yield DuckDBEngine(cursor)
        return
    with opened(request.getfixturevalue("postgres")) as engine:
        install(engine)
        with engine.transaction() as owner:
            yield owner


def news(history, batch, recorded_at):
    """The rows of a batch that the whole history does not know, by the rule that the documentation gives."""
    rows = [(*row, False, at) for row, at in history] + [(*row, True, recorded_at) for row in batch]
    rows.sort(key=lambda row: (row[0], row[2] or datetime.min, row[3], row[4], row[5]))
    before = {}
    found = []
    for key, value, event_time, observed_at, is_new, _ in rows:
        if is_new and before.get((key, event_time)) != value:
            found.append((key, value, event_time, observed_at))
        before[key, event_time] = value
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(batches, st.sets(st.sampled_from("abcé")))
def test_what_is_added_and_what_holds_is_what_the_whole_history_says(engine, given_batches, asked):
    model, history = f"m{next(number)}", []
    for hour, batch in enumerate(given_batches):
        recorded_at = START + timedelta(days=30, hours=hour)
        expected = news(history, batch, recorded_at)
        columns = zip(*batch, strict=True) if batch else [[]] * 4
        table = pa.table(
            {name: pa.array(list(column), TYPES[name]) for name, column in zip(TYPES, columns, strict=True)}
        )
        with engine.temporary(table) as source:
            assert append_truth(engine, source, model, "t", "r", recorded_at) == len(expected)
        history += [(row, recorded_at) for row in expected]
    written = "SELECT key, value, event_time, observed_at FROM sqlml.ground_truth WHERE model = $model"
    assert set(engine.rows(written, {"model": model})) == {row for row, _ in history}
    with engine.temporary(pa.table({"k": pa.array(sorted(asked), pa.string())})) as keys:
        latest = latest_truth(engine, exp.select("k").from_(keys))
        found = engine.rows(latest.sql(engine.dialect), {"model": model})
    expected = {}
    for (key, value, event_time, observed_at), at in history:
        if key in asked:
            expected[key, event_time] = max(expected.get((key, event_time), (datetime.min,)), (observed_at, at, value))
    assert set(found) == {(key, event_time, value) for (key, event_time), (*_, value) in expected.items()}


def test_a_long_history_is_not_read_for_a_few_keys(postgres):
    with opened(postgres) as engine:
        install(engine)
        with engine.transaction() as owner:
            owner.execute(
                "INSERT INTO sqlml.ground_truth SELECT 'm', i::text, 'x', NULL, now(), 't', 'r', now() "
                "FROM generate_series(1, 50000) AS g(i)"
            )
            owner.execute("ANALYZE sqlml.ground_truth")
            with owner.temporary(pa.table({"k": ["7", "8"]})) as keys:
                owner.execute(exp.Command(this="ANALYZE", expression=keys.sql("postgres")).sql("postgres"))
                sql = latest_truth(owner, exp.select('k COLLATE "C"').from_(keys)).sql("postgres")
                plan = "\n".join(row[0] for row in owner.rows(f"EXPLAIN {sql}", {"model": "m"}))
    assert "ground_truth_of_key" in plan
    assert "Seq Scan on ground_truth" not in plan
