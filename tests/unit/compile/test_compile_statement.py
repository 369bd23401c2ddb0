"""The statement: what it gives, what it is named, and models that are wide, long, deep or extreme."""

import math
import random

import pyarrow as pa
import pytest
from compile_oracle import arrow_table, bits, install, outputs, random_tree, raw_scores, ulps

from sqlml.compile import DIALECTS, select_sql
from sqlml.compile.link import LINKS
from sqlml.errors import InvalidArgument
from sqlml.spec import LINKS as SPEC_LINKS
from sqlml.spec import Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

X = (Column("x", "number"),)
RAW = (Feature("x", "number", impute=0.0),)


def of_x(link, task="regression", slopes=(1.0,)):
    classes = ("a", "b", "c") if task == "multiclass" else ("no", "yes") if task == "binary" else ()
    linear = Linear((0.0,) * len(slopes), (NumericTerm(0, slopes),))
    return Model(task, X, RAW, linear, link, classes)


def described(plain, model):
    plain.execute("CREATE OR REPLACE TABLE features AS SELECT 1.5::DOUBLE AS x, 'kept' AS \"other one\"")
    cursor = plain.execute(select_sql(model, "duckdb"))
    return [column[0] for column in cursor.description], cursor.fetchone()


def test_every_link_has_a_compiler():
    assert set(LINKS) == set(SPEC_LINKS)


def test_the_columns_of_each_task(plain):
    assert described(plain, of_x("identity")) == (["x", "other one", "prediction"], (1.5, "kept", 1.5))
    names, row = described(plain, of_x("logistic", "binary"))
    assert names == ["x", "other one", "prediction", "label"]
    assert row[2:] == (1 / (1 + math.exp(-1.5)), "yes")
    names, row = described(plain, of_x("softmax", "multiclass", (0.0, 1.0, 1.0)))
    assert names == ["x", "other one", "probability_a", "probability_b", "probability_c", "label"]
    assert row[-1] == "b"


def test_an_unknown_dialect_is_refused():
    with pytest.raises(
        InvalidArgument, match="dialect 'postgresql' is unknown; closest: postgres; known are: duckdb, postgres, "
    ):
        select_sql(of_x("identity"), "postgresql")


EDGES = [
    0.0,
    1e-20,
    36.7,
    39.9,
    40.1,
    100.0,
    707.9,
    708.1,
    709.7,
    709.782712893384,
    709.79,
    745.0,
    746.0,
    1e300,
    math.inf,
]


@pytest.mark.parametrize(
    ("link", "task"), [("logistic", "binary"), ("exponential", "regression"), ("softmax", "multiclass")]
)
def test_links_at_their_edges(plain, link, task):
    model = of_x(link, task, (1.0, -1.0, 0.0) if task == "multiclass" else (1.0,))
    rows = [{"x": sign * edge} for edge in EDGES for sign in (1.0, -1.0)]
    plain.register("features", arrow_table(model, rows))
    found = plain.execute(select_sql(model, "duckdb")).fetchall()
    for row, given in zip(found, rows, strict=True):
        expected = outputs(model, raw_scores(model, given))
        assert all(ulps(one, other) <= 1 for one, other in zip(row[2:], expected, strict=False)), given


def stumps(count):
    rng = random.Random(3)
    return tuple(random_tree(rng, RAW, 1) for _ in range(count))


@pytest.mark.parametrize("outputs", [1, 3])
def test_thousands_of_trees_are_added_in_order(plain, outputs):
    features = (Feature("x", "number"),)
    model = Model("regression", X, features, Trees(1, stumps(1100)), "identity")
    if outputs == 3:
        model = Model("multiclass", X, features, Trees(3, stumps(900)), "identity", ("a", "b", "c"))
    rows = [{"x": value} for value in (None, -2.0, 0.0, 0.7, 1e4)]
    plain.register("features", arrow_table(model, rows))
    expected = [[bits(score) for score in raw_scores(model, row)] for row in rows]
    nested = plain.execute(select_sql(model, "duckdb")).fetchall()
    assert [[bits(score) for score in row[2 : 2 + outputs]] for row in nested] == expected
    install(plain, "m", 1, model)
    macro = plain.execute("SELECT sqlml.raw_score_m(f) FROM features AS f").fetchall()
    found = [row[0] if outputs == 3 else [row[0]] for row in macro]
    assert [[bits(score) for score in scores] for scores in found] == expected


def chain(depth, to_the_left):
    """A tree whose every node but the last has one leaf."""
    nodes = range(depth)
    leaves = [-node - 1 for node in nodes]
    onward = [*range(1, depth), -depth - 1]
    left, right = (onward, leaves) if to_the_left else (leaves, onward)
    thresholds = tuple(float(-node if to_the_left else node) for node in nodes)
    missing = tuple((node + 1 < depth) == to_the_left for node in nodes)
    values = tuple(float(node) for node in range(depth + 1))
    return Tree((0,) * depth, thresholds, missing, tuple(left), tuple(right), (None,) * depth, values)


@pytest.mark.parametrize("to_the_left", [False, True])
def test_a_tree_as_deep_as_it_has_leaves(plain, to_the_left):
    model = Model("regression", X, (Feature("x", "number"),), Trees(1, (chain(600, to_the_left),)), "identity")
    rows = [{"x": value} for value in (None, -1000.0, -300.5, -1.0, 0.0, 2.0, 300.5, 1000.0)]
    plain.register("features", arrow_table(model, rows))
    expected = [raw_scores(model, row)[0] for row in rows]
    assert [row[-1] for row in plain.execute(select_sql(model, "duckdb")).fetchall()] == expected
    install(plain, "m", 1, model)
    found = plain.execute("SELECT sqlml.raw_score_m(f) FROM features AS f").fetchall()
    assert [row[0] for row in found] == expected
    assert select_sql(model, "postgres").count("CASE") == 1


def test_a_wide_model(plain):
    names = [f"column {number}" for number in range(300)]
    columns = tuple(Column(name, "number") for name in names)
    features = tuple(Feature(name, "number", impute=1.0) for name in names)
    linear = Linear((0.5,), tuple(NumericTerm(index, (0.1 * index,)) for index in range(300)))
    model = Model("regression", columns, features, linear, "identity")
    row = {name: None if number % 7 else float(number) for number, name in enumerate(names)}
    plain.register("features", arrow_table(model, [row]))
    assert plain.execute(select_sql(model, "duckdb")).fetchone()[-1] == raw_scores(model, row)[0]


def test_a_raw_score_is_computed_once():
    model = Model("binary", X, (Feature("x", "number"),), Trees(1, stumps(3)), "logistic", ("no", "yes"))
    for dialect in set(DIALECTS) - {"sqlite"}:
        assert select_sql(model, dialect).count("CASE WHEN sqlml_feature_0") == 3


def test_another_relation_is_scored_by_a_definition_before_it(plain):
    plain.register("people", pa.table({"x": [1.0, 2.0, 3.0]}))
    statement = "WITH features AS (SELECT x FROM people WHERE x > 1) " + select_sql(of_x("identity"), "duckdb")
    assert plain.execute(statement).fetchall() == [(2.0, 2.0), (3.0, 3.0)]


def test_a_constant_reads_no_column(plain):
    model = Model("regression", X, RAW, Constant((2.5,)), "identity")
    plain.execute("CREATE TABLE features AS SELECT 1 AS id")
    assert plain.execute(select_sql(model, "duckdb")).fetchall() == [(1, 2.5)]
