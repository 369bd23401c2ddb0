"""The text of small models, held by files; SQLML_REGENERATE=1 writes them anew, for review in the diff."""

import os
from pathlib import Path

import pytest
import sqlglot

from sqlml.compile import DIALECTS, created_routines, dispatchers, routines, script, select_sql
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

FIXTURES = Path(__file__).parents[2] / "fixtures" / "compile"

COLUMNS = (Column("age", "integer"), Column("City of birth", "text"))
FEATURES = (
    Feature("age", "number", zero_is_missing=True),
    Feature("City of birth", "category", ("Oslo", "s'Hertogenbosch", "Ærø")),
)
TREES = (
    Tree((0, 1), (40.5, 0.0), (True, False), (-1, -2), (1, -3), (None, (0, 2)), (0.5, -0.25, 1e-05)),
    Tree((1,), (0.0,), (True,), (-1,), (-2,), ((1,),), (0.125, -0.1)),
    Tree((), (), (), (), (), (), (0.75,)),
)
LINEAR = Linear(
    (0.5, -0.5, 0.0),
    (
        NumericTerm(0, (0.25, -1.0, 2.0)),
        CategoryTerm(1, tuple((float(row), 0.1, -0.1) for row in range(3)), (0.0,) * 3),
    ),
)
SCALED = (Feature("age", "number", impute=38.5, center=38.5, scale=14.0), FEATURES[1])

PARTS = ("year", "month", "day", "day_of_week", "day_of_year", "epoch", "hour", "minute")
ALL_KINDS = Model(
    "regression",
    (Column("paid", "boolean"), Column("date", "timestamp"), Column("amount", "number")),
    (
        Feature("paid", "boolean", impute=0.0),
        *(Feature("date", part, impute=0.0) for part in PARTS),
        Feature("amount", "number", impute=0.0, scale=2.0),
    ),
    Linear((1.0,), tuple(NumericTerm(index, (0.5,)) for index in range(10))),
    "exponential",
)

MODELS = {
    "binary_trees": Model("binary", COLUMNS, FEATURES, Trees(1, TREES), "logistic", ("no", "yes")),
    "multiclass_trees": Model("multiclass", COLUMNS, FEATURES, Trees(3, TREES), "softmax", ("a", "b c", "d'")),
    "multiclass_linear": Model("multiclass", COLUMNS, SCALED, LINEAR, "softmax", ("a", "b c", "d'")),
    "regression_constant": Model("regression", COLUMNS, FEATURES, Constant((2.5,)), "identity"),
    "regression_all_kinds": ALL_KINDS,
}


def check(name, found):
    path = FIXTURES / name
    if os.environ.get("SQLML_REGENERATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), f"{name} has changed; SQLML_REGENERATE=1 writes it anew"


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("model", MODELS)
def test_the_statement(model, dialect):
    check(f"{model}.nested.{dialect}.sql", select_sql(MODELS[model], dialect) + ";\n")


@pytest.mark.parametrize("model", MODELS)
def test_the_macros(model):
    compiled = routines("duckdb", model, 3, MODELS[model])
    layouts = {routine.layout for routine in compiled}
    assert layouts == {"lists" if isinstance(MODELS[model].estimator, Trees) else "expression"}
    check(f"{model}.{layouts.pop()}.duckdb.sql", "".join(routine.sql + ";\n" for routine in compiled))


@pytest.mark.parametrize("model", MODELS)
def test_the_functions(model):
    compiled = routines("postgres", model, 3, MODELS[model])
    assert {routine.layout for routine in compiled} == {"expression"}
    assert [routine.scope for routine in compiled].count("live") == 8
    check(f"{model}.expression.postgres.sql", script(compiled))


def test_the_functions_that_answer_for_every_model():
    live = {"one": "binary", "two": "multiclass", "three": "regression", "four": "binary", "five": "binary"}
    check("dispatchers.postgres.sql", script(dispatchers("postgres", live)))
    assert dispatchers("duckdb", live) == ()


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("model", MODELS)
def test_a_script_says_what_it_creates(model, dialect):
    compiled = routines(dialect, model, 3, MODELS[model])
    created = created_routines(script(compiled))
    names = [name.removeprefix("sqlml.").partition("(")[0].strip('"') for name in created]
    assert names == [routine.name for routine in compiled]
    assert all(("(" in name) == (dialect == "postgres") for name in created)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", ["binary_trees", "multiclass_trees", "regression_all_kinds"])
def test_every_dialect(model, dialect):
    found = select_sql(MODELS[model], dialect)
    check(f"{model}.nested.{dialect}.sql", found + ";\n")
    if dialect != "oracle":  # sqlglot writes Oracle's literals of BINARY_DOUBLE as they are and cannot read them
        assert sqlglot.parse_one(found, dialect=dialect).sql(dialect) == found


def test_no_file_is_left_over():
    dialects = {f"{model}.nested.{dialect}.sql" for model in MODELS for dialect in DIALECTS}
    macros = {f"{model}.{layout}.duckdb.sql" for model in MODELS for layout in ("lists", "expression")}
    functions = {"dispatchers.postgres.sql", *(f"{model}.expression.postgres.sql" for model in MODELS)}
    assert {path.name for path in FIXTURES.iterdir()} <= dialects | macros | functions
