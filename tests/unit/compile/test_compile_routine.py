"""The macros in a plain client: how they are called, what they refuse, and that their size does not grow."""

import json
import random

import duckdb
import pytest
from compile_oracle import bits, create_table, install, random_tree

from sqlml.compile import LIST_COLUMNS, routines, tree_lists
from sqlml.errors import InvalidArgument, InvalidName
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

COLUMNS = (
    Column("Age", "integer"),
    Column("city", "text"),
    Column("open", "boolean"),
    Column("since", "date"),
    Column("seen", "timestamp"),
)
FEATURES = (
    Feature("Age", "number"),
    Feature("city", "category", ("Bergen", "Oslo")),
    Feature("open", "boolean"),
    Feature("since", "year"),
    Feature("seen", "hour"),
)


def stump(feature, threshold, left, right, codes=None):
    return Tree((feature,), (threshold,), (False,), (-1,), (-2,), (codes,), (left, right))


TREES = (
    stump(0, 40.5, 1.0, 2.0),
    stump(1, 0.0, 10.0, 20.0, (1,)),
    stump(2, 0.5, 100.0, 200.0),
    stump(3, 2000.0, 1e3, 2e3),
    stump(4, 12.0, 1e4, 2e4),
)
MODEL = Model("regression", COLUMNS, FEATURES, Trees(1, TREES), "identity")
ROW = "{'Age': 41, 'city': 'Oslo', 'open': false, 'since': DATE '2001-01-01', 'seen': TIMESTAMP '2001-01-01 11:00:00'}"
SCORE = 2.0 + 10.0 + 100.0 + 2e3 + 1e4


@pytest.fixture
def scored(plain):
    install(plain, "m", 1, MODEL)
    plain.execute(f"CREATE TABLE people AS SELECT 1 AS id, * FROM (SELECT UNNEST({ROW}))")
    return plain


def one(connection, query):
    return connection.execute(query).fetchone()[0]


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT sqlml.predict_m({ROW})",
        f"SELECT sqlml.predict_m(features := {ROW})",
        "SELECT sqlml.predict_m(people) FROM people",
        "SELECT sqlml.predict_m(p) FROM people AS p WHERE id = 1",
        "SELECT sqlml.predict_m(features) FROM people AS features",
        "WITH c AS (SELECT * FROM people) SELECT sqlml.predict_m(c) FROM c",
        "SELECT sqlml.predict_m(s) FROM (SELECT seen, since, open, city, Age FROM people) AS s",
        "SELECT sqlml.predict_m(p) FROM people AS p JOIN (SELECT 1 AS id) AS q USING (id)",
        "SELECT sqlml.predict_m(p) FROM (SELECT * RENAME (Age AS age, city AS CITY) FROM people) AS p",
        "SELECT sqlml.predict_m(s) FROM (SELECT {'n': p} AS pair FROM people AS p), LATERAL (SELECT pair.n AS s)",
        "SELECT max(sqlml.predict_m(p)) FROM people AS p GROUP BY id",
        "SELECT id FROM people AS p WHERE sqlml.predict_m(p) > 0 ORDER BY sqlml.predict_m(p)",
    ],
)
def test_a_row_is_given_in_many_ways(scored, query):
    assert one(scored, query) in (SCORE, 1)


@pytest.mark.parametrize(
    "type", ["TINYINT", "UHUGEINT", "HUGEINT", "BIGINT", "FLOAT", "DECIMAL(9, 2)", "DECIMAL(38, 1)"]
)
def test_a_number_may_have_any_numeric_type(scored, type):
    assert (
        one(scored, f"SELECT sqlml.predict_m(p) FROM (SELECT * REPLACE (Age::{type} AS Age) FROM people) AS p") == SCORE
    )


def test_other_types_that_lose_nothing(scored):
    changed = "true AS Age, city::ENUM ('Oslo', 'Rome') AS city, seen::DATE AS seen"
    query = f"SELECT sqlml.predict_m(p) FROM (SELECT * REPLACE ({changed}) FROM people) AS p"
    assert one(scored, query) == SCORE - 1.0
    for type in ("TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"):
        query = f"SELECT sqlml.predict_m(p) FROM (SELECT * REPLACE (seen::{type} AS seen) FROM people) AS p"
        assert one(scored, query) == SCORE


def test_an_untyped_null_is_missing(scored):
    row = "{'Age': NULL, 'city': NULL, 'open': NULL, 'since': NULL, 'seen': NULL}"
    assert one(scored, f"SELECT sqlml.predict_m({row})") == 2.0 + 20.0 + 200.0 + 2e3 + 2e4


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("Age", "'41'", "reads column 'Age' as integer and the row has another type; pass CAST(\"Age\" AS DOUBLE)"),
        ("Age", "DATE '2001-01-01'", 'CAST("Age" AS DOUBLE)'),
        ("city", "1", 'CAST("city" AS VARCHAR)'),
        ("city", "['Oslo']", 'CAST("city" AS VARCHAR)'),
        ("city", "'{}'::JSON", 'CAST("city" AS VARCHAR)'),
        ("open", "1", 'CAST("open" AS BOOLEAN)'),
        ("since", "TIMESTAMP '2001-01-01 10:00:00'", 'CAST("since" AS DATE)'),
        ("seen", "TIMESTAMPTZ '2001-01-01 10:00:00+00'", 'CAST("seen" AS TIMESTAMP)'),
    ],
)
def test_a_type_that_loses_information_is_an_error_with_the_remedy(scored, column, value, remedy):
    with pytest.raises(duckdb.Error) as caught:
        scored.execute(
            f"SELECT sqlml.predict_m(p) FROM (SELECT * REPLACE ({value} AS {column}) FROM people) AS p"
        ).fetchall()
    assert "ML020 model 'm'" in str(caught.value)
    assert remedy in str(caught.value)


def test_a_missing_column_is_an_error_that_names_it(scored):
    with pytest.raises(duckdb.BinderException, match='"city"'):
        scored.execute("SELECT sqlml.predict_m(p) FROM (SELECT * EXCLUDE (city) FROM people) AS p")


def test_a_missing_row_of_lists_is_an_error_and_no_null(scored):
    scored.execute("DELETE FROM sqlml.compiled_trees")
    with pytest.raises(duckdb.Error, match=r"ML030 model 'm': version 1 has no row in sqlml.compiled_trees"):
        scored.execute("SELECT sqlml.predict_m(p) FROM people AS p").fetchall()


def test_a_version_reads_its_own_row(scored):
    other = Model("regression", COLUMNS, FEATURES, Trees(1, (stump(0, 0.0, -1.0, -2.0),)), "identity")
    install(scored, "m", 2, other)
    assert one(scored, "SELECT sqlml.predict_m(p) FROM people AS p") == -2.0
    install(scored, "m", 1, MODEL)
    assert one(scored, "SELECT sqlml.predict_m(p) FROM people AS p") == SCORE


def test_the_macros_stay_in_the_file(tmp_path):
    path = tmp_path / "models.duckdb"
    with duckdb.connect(path) as connection:
        create_table(connection)
        install(connection, "m", 1, MODEL)
    with duckdb.connect(path, read_only=True) as connection:
        assert one(connection, f"SELECT sqlml.predict_m({ROW})") == SCORE


def test_a_multiclass_model_has_no_single_prediction(plain):
    trees = Trees(3, tuple(stump(0, 0.0, value, value) for value in (1.0, 3.0, 3.0)))
    model = Model("multiclass", COLUMNS[:1], FEATURES[:1], trees, "softmax", ("a", "it's", "c"))
    install(plain, "three", 1, model)
    with pytest.raises(duckdb.Error, match=r"call sqlml.predict_label_three or sqlml.predict_proba_three"):
        plain.execute("SELECT sqlml.predict_three({'Age': 1})").fetchall()
    assert one(plain, "SELECT sqlml.raw_score_three({'Age': 1})") == [1.0, 3.0, 3.0]
    assert one(plain, "SELECT sqlml.predict_label_three({'Age': 1})") == "it's"
    shares = json.loads(one(plain, "SELECT sqlml.predict_proba_three({'Age': 1})"))
    assert list(shares) == ["a", "it's", "c"]
    assert sum(shares.values()) == pytest.approx(1)
    assert one(plain, "SELECT typeof(sqlml.predict_proba_three({'Age': 1}))") == "JSON"


def test_the_label_of_a_binary_model_needs_more_than_one_half(plain):
    for score, label in ((0.0, "no"), (1e-17, "no"), (1e-15, "yes"), (-1.0, "no")):
        model = Model("binary", (), (), Constant((score,)), "logistic", ("no", "yes"))
        install(plain, "m", 1, model)
        assert one(plain, "SELECT sqlml.predict_label_m({'x': 1})") == label
    assert one(plain, "SELECT sqlml.predict_proba_m({'x': 1})") == '{"no":0.7310585786300049,"yes":0.2689414213699951}'


@pytest.mark.parametrize("name", ["M", "1m", "m-1", "m; DROP TABLE x", "", "m" * 49, "é"])
def test_a_name_that_is_no_models_is_refused(name):
    with pytest.raises(InvalidName, match="a model cannot be named"):
        routines("duckdb", name, 1, MODEL)


def test_columns_that_duckdb_cannot_tell_apart_are_refused():
    columns = (Column("age", "number"), Column("AGE", "number"))
    with pytest.raises(InvalidArgument, match="rename one of them"):
        routines("duckdb", "m", 1, Model("regression", columns, (), Constant((0.0,)), "identity"))


@pytest.mark.parametrize("codes", [None, (0,)])
def test_the_macro_of_trees_does_not_grow_with_them(codes):
    few, many = (
        Model("regression", COLUMNS, FEATURES, Trees(1, (stump(1, 0.5, 1.0, 2.0, codes),) * count), "identity")
        for count in (1, 500)
    )
    assert routines("duckdb", "m", 1, few) == routines("duckdb", "m", 1, many)
    assert len(tree_lists(many)["walk"][0]) == 500


def test_only_trees_have_lists():
    assert tree_lists(Model("regression", (), (), Constant((0.0,)), "identity")) is None
    assert list(tree_lists(MODEL)) == list(LIST_COLUMNS)


def test_lists_of_equal_walks_end_in_the_leaf_at_any_depth(plain):
    rng = random.Random(11)
    trees = tuple(random_tree(rng, FEATURES, nodes) for nodes in (0, 1, 40, 3))
    lists = tree_lists(Model("regression", COLUMNS, FEATURES, Trees(1, trees), "identity"))
    assert [len(walk) - 1 for walk in lists["walk"][0]] == [tree.depth for tree in trees]
    assert len(lists["slot"]) == len(lists["threshold"]) == len(lists["leaf"]) == sum(2 * n + 1 for n in (0, 1, 40, 3))


def test_list_sum_adds_in_order_from_zero(plain):
    rng = random.Random(5)
    for count in (*range(1, 40), 100, 2047, 2048, 2049, 4096, 5000):
        values = [rng.gauss(0, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(count)]
        plain.execute("CREATE OR REPLACE TABLE v AS SELECT ?::DOUBLE[] AS l FROM range(3)", [values])
        total = 0.0
        for value in values:
            total += value
        assert plain.execute("SELECT DISTINCT list_sum(list_transform(l, lambda x: x)) FROM v").fetchall() == [(total,)]
    assert bits(one(plain, "SELECT list_sum([-0.0::DOUBLE])")) == bits(0.0)


def test_a_linear_model_of_thousands_of_categories(plain):
    categories = tuple(f"category {number}" for number in range(3000))
    weights = tuple((number / 7, -number / 3) for number in range(3000))
    terms = (CategoryTerm(0, weights, (-0.5, 0.5)), NumericTerm(1, (2.0, 1.0)))
    columns = (Column("c", "text"), Column("x", "number"))
    features = (Feature("c", "category", categories), Feature("x", "number", impute=3.0))
    model = Model("multiclass", columns, features, Linear((0.25, 0.125), terms), "identity", ("a", "b"))
    install(plain, "m", 1, model)
    found = plain.execute(
        "SELECT sqlml.raw_score_m(t) FROM (VALUES ('category 0', 1), ('category 2999', NULL), ('new', 1)) AS t(c, x)"
    ).fetchall()
    assert found == [([0.25 + 0 + 2, 0.125 + 0 + 1],), ([0.25 + 2999 / 7 + 6, 0.125 - 2999 / 3 + 3],), ([1.75, 1.625],)]
