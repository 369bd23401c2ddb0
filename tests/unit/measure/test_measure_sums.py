"""Sums over rows in memory are those of the SQL that defines them, to the last bit."""

import math

import numpy as np
import pyarrow as pa
import pytest
from performance_in_sql import SUMS, performance_select
from sqlglot import exp

from sqlml.engine.postgres.client import opened
from sqlml.measure.performance import metrics_select
from sqlml.measure.subset import DIALECTS
from sqlml.measure.sums import sums_of

N = 2_000


def predicted(task, seed, weights):
    """Rows of a task with scores that tie, scores at the ends, and some bins and classes that are empty."""
    random = np.random.default_rng(seed)
    weight = {"ones": np.ones(N), "uneven": random.exponential(1.0, N), "some": random.integers(0, 2, N) * 0.1}[weights]
    if task == "regression":
        truth = random.normal(1e3, 1.0, N)
        return {"truth": truth, "score": truth + random.normal(0, 1e-3, N), "weight": weight}
    if task == "multiclass":
        truth, label = random.integers(0, 5, N), random.integers(1, 7, N)
        share = random.random(N).round(2)
        return {"truth": truth.astype(float), "label": label.astype(float), "truth_score": share, "weight": weight}
    score = np.where(random.random(N) < 0.5, random.random(N).round(1), random.random(N) ** 9)
    score[:3] = (0.0, 1.0, 1e-300)
    return {"truth": (random.random(N) < score).astype(float), "score": score, "weight": weight}


def in_memory(task, columns, dialect):
    return metrics_select(task, sums_of(task, columns), len(columns["truth"]), dialect).sql(dialect)


def in_sql(connection, task, columns):
    connection.register("predicted", pa.table(columns))
    return connection.execute(performance_select(task, exp.to_table("predicted"), "duckdb").sql("duckdb")).fetchall()


@pytest.mark.parametrize("weights", ["ones", "uneven", "some"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", SUMS)
def test_metrics_are_those_of_sql_bit_for_bit(connection, task, seed, weights):
    columns = predicted(task, seed, weights)
    expected = in_sql(connection, task, columns)
    assert all(value is not None for _, value, _ in expected)
    assert connection.execute(in_memory(task, columns, "duckdb")).fetchall() == expected


@pytest.mark.parametrize("task", SUMS)
def test_metrics_are_those_of_sql_in_postgres(postgres, task):
    columns = predicted(task, 7, "uneven")
    with opened(postgres, owner=None) as engine, engine.temporary(pa.table(columns)) as table:
        expected = engine.rows(performance_select(task, table, "postgres").sql("postgres"))
        assert engine.rows(in_memory(task, columns, "postgres")) == expected


UNUSUAL = [
    ("binary", {"truth": [1.0, 1.0, 1.0]}),
    ("binary", {"truth": [0.0, 0.0, 0.0], "score": [0.1, 0.1, 0.1]}),
    ("binary", {"score": [-0.0, 0.0, 0.5]}),
    ("binary", {"score": [0.9, 0.2, math.nan]}),
    ("binary", {"score": [0.9, 0.2, 1.5]}),
    ("binary", {"truth": [1.0, 2.0, 0.0]}),
    ("binary", {"weight": [0.0, 0.0, 0.0]}),
    ("binary", {"weight": [1.0, -1.0, 1.0]}),
    ("binary", {"weight": [1.0, 1e51, 1.0]}),
    ("multiclass", {"truth_score": [0.5, math.nan, 0.5]}),
    ("multiclass", {"weight": [0.0, 0.0, 0.0]}),
    ("multiclass", {"weight": [1e-60, 0.0, 1.0]}),
    ("regression", {"truth": [2.0, 2.0, 2.0]}),
    ("regression", {"truth": [2.0, 2.0, 2.0], "score": [2.0, 2.0, 2.0]}),
    ("regression", {"truth": [1e-60, -1e-60, 0.0]}),
    ("regression", {"score": [1.0, math.inf, 0.0]}),
    ("regression", {"truth": [1e50, -1e50, 0.0]}),
    ("regression", {"weight": [0.0, 0.0, 0.0]}),
    ("regression", {"weight": [math.nan, 1.0, 1.0]}),
]
PLAIN = {
    "binary": {"truth": [1.0, 0.0, 1.0], "score": [0.9, 0.2, 0.4], "weight": [1.0, 2.0, 3.0]},
    "multiclass": {"truth": [1.0, 0, 2], "label": [1.0, 0, 0], "truth_score": [0.9, 0.6, 0.0], "weight": [1.0, 2, 3]},
    "regression": {"truth": [1.5, 0.0, -2.0], "score": [1.0, 0.5, -1.0], "weight": [1.0, 2.0, 3.0]},
}


@pytest.mark.parametrize(("task", "changes"), UNUSUAL)
def test_rows_that_are_unusual_or_cannot_be_measured(connection, task, changes):
    columns = {name: np.array(values) for name, values in {**PLAIN[task], **changes}.items()}
    assert connection.execute(in_memory(task, columns, "duckdb")).fetchall() == in_sql(connection, task, columns)


@pytest.mark.parametrize("task", SUMS)
def test_no_rows_have_no_metrics(connection, task):
    columns = {name: np.empty(0) for name in PLAIN[task]}
    assert connection.execute(in_memory(task, columns, "duckdb")).fetchall() == in_sql(connection, task, columns)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("task", SUMS)
def test_the_order_of_rows_has_no_say(task, dialect):
    columns = predicted(task, 3, "uneven")
    order = np.random.default_rng(1).permutation(N)
    assert in_memory(task, {name: values[order] for name, values in columns.items()}, dialect) == in_memory(
        task, columns, dialect
    )
