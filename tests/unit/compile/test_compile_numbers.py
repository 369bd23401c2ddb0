"""Random models: nested SQL, lists and the spec in plain Python give the same bits for every row."""

import math
import sqlite3

import pytest
from compile_oracle import (
    arrow_table,
    bits,
    install,
    label,
    outputs,
    random_model,
    random_rows,
    raw_scores,
    shares,
    ulps,
)

from sqlml.compile import select_sql
from sqlml.spec import Column, Feature, Model, Tree, Trees

SEEDS = range(240)


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("chunk", range(8))
def test_raw_scores_are_equal_bit_for_bit(plain, chunk):
    for seed in SEEDS[chunk::8]:
        model = random_model(seed, links=False)
        rows = random_rows(model, seed, 40)
        plain.register("rows", arrow_table(model, rows))
        plain.execute('CREATE OR REPLACE TABLE features AS FROM rows ORDER BY "row number"')
        expected = [[bits(score) for score in raw_scores(model, row)] for row in rows]
        width = len(model.columns) + 1
        nested = plain.execute(select_sql(model, "duckdb")).fetchall()
        count = len(expected[0])
        assert [[bits(score) for score in row[width : width + count]] for row in nested] == expected, seed
        install(plain, "m", 1, model)
        macro = plain.execute("SELECT sqlml.raw_score_m(t) FROM features AS t").fetchall()
        assert [[bits(score) for score in as_list(row[0])] for row in macro] == expected, seed


@pytest.mark.parametrize("chunk", range(4))
def test_outputs_and_labels_follow_from_the_raw_scores(plain, chunk):
    for seed in SEEDS[chunk:80:4]:
        model = random_model(seed)
        rows = random_rows(model, seed, 20)
        plain.register("rows", arrow_table(model, rows))
        plain.execute('CREATE OR REPLACE TABLE features AS FROM rows ORDER BY "row number"')
        expected = [outputs(model, raw_scores(model, row)) for row in rows]
        width, count = len(model.columns) + 1, len(expected[0])
        nested = plain.execute(select_sql(model, "duckdb")).fetchall()
        install(plain, "m", 1, model)
        for row, values in zip(nested, expected, strict=True):
            assert all(ulps(one, other) <= 1 for one, other in zip(row[width:], values, strict=False)), seed
            assert model.task == "regression" or row[width + count] == label(model, list(row[width : width + count]))
        check_macros(plain, model, expected)


def check_macros(plain, model, expected):
    if model.task != "multiclass":
        found = plain.execute("SELECT sqlml.predict_m(t) FROM features AS t").fetchall()
        assert all(ulps(row[0], values[0]) <= 1 for row, values in zip(found, expected, strict=True))
    if model.task == "regression":
        return
    query = "SELECT sqlml.predict_label_m(t), sqlml.predict_proba_m(t) FROM features AS t"
    for (found, proba), values in zip(plain.execute(query).fetchall(), expected, strict=True):
        given = shares(proba)
        wanted = [1.0 - values[0], values[0]] if model.task == "binary" else values
        assert given == pytest.approx(wanted, rel=0, abs=3e-16, nan_ok=True)
        assert found == label(model, given[1:] if model.task == "binary" else given)


@pytest.fixture
def sqlite():
    connection = sqlite3.connect(":memory:")
    connection.create_function(
        "EXP", 1, lambda x: math.inf if x > 709.782712893384 else math.exp(x), deterministic=True
    )
    yield connection
    connection.close()


def sqlite_value(value):
    """SQLite has no type for dates, and keeps NaN as NULL."""
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="milliseconds") if hasattr(value, "hour") else value.isoformat()
    return value


@pytest.mark.parametrize("chunk", range(3))
def test_the_statement_runs_in_sqlite_too(sqlite, chunk):
    for seed in SEEDS[chunk:90:3]:
        model = random_model(seed, links=False)
        if any(feature.kind == "epoch" for feature in model.features):
            continue
        rows = random_rows(model, seed, 15)
        names = ", ".join('"' + column.name.replace('"', '""') + '"' for column in model.columns)
        sqlite.execute("DROP TABLE IF EXISTS features")
        sqlite.execute(f"CREATE TABLE features ({names})")
        marks = ", ".join("?" for _ in model.columns)
        given = [[sqlite_value(row[column.name]) for column in model.columns] for row in rows]
        sqlite.executemany(f"INSERT INTO features VALUES ({marks})", given)
        found = sqlite.execute(select_sql(model, "sqlite")).fetchall()
        expected = [[same_in_sqlite(score) for score in raw_scores(model, row)] for row in rows]
        width = len(model.columns)
        assert [list(row[width : width + len(expected[0])]) for row in found] == expected, seed


def same_in_sqlite(score):
    return None if math.isnan(score) else score


@pytest.mark.parametrize("missing_left", [False, True])
def test_a_node_that_only_asks_whether_a_number_is_missing(plain, missing_left):
    stump = Tree((0,), (math.inf,), (missing_left,), (-1,), (-2,), (None,), (1.0, 2.0))
    columns, features = (Column("a", "number"),), (Feature("a", "number"),)
    model = Model("regression", columns, features, Trees(1, (stump,)), "identity")
    plain.execute(
        "CREATE OR REPLACE TABLE features AS SELECT unnest(['0.5', 'inf', '-inf', 'nan', NULL]::DOUBLE[]) AS a"
    )
    install(plain, "m", 1, model)
    expected = [1.0, 1.0, 1.0, *[1.0 if missing_left else 2.0] * 2]
    assert [row[0] for row in plain.execute("SELECT sqlml.raw_score_m(t) FROM features AS t").fetchall()] == expected
    assert [row[-1] for row in plain.execute(select_sql(model, "duckdb")).fetchall()] == expected
