"""Names and values that the data brings with it: columns, categories, classes, keys, tables. They end up in SQL."""

import json

import psycopg
import pytest
import sqlglot
from payloads import NAMES
from psycopg import sql

ROWS = 320
CLASSES = NAMES[:32]
TRAINED = {
    "colour": ("binary", "linear", "{}"),
    "leaf": ("multiclass", "lightgbm", '{"num_iterations": 1, "num_leaves": 4, "min_data_in_leaf": 1}'),
    "weight": ("regression", "lightgbm", '{"num_iterations": 3, "num_leaves": 8, "min_data_in_leaf": 1}'),
}
"""By model: its task, algorithm and hyperparameters."""

TRAIN = """
CALL sqlml.train(%s, 'hostile', %s, features => %s, task => %s, algorithm => %s, hyperparams => %s, deploy => 'always',
                 split => 'random', key_column => 'id')
"""


def make_table(connection):
    """A table whose columns, categories and classes all have such names."""
    kinds = ("text", "float8", "boolean")
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kinds[n % 3])) for n, name in enumerate(NAMES)]
    create = "CREATE TABLE hostile (id text, {}, binary_target text, multiclass_target text, regression_target float8)"
    connection.execute(sql.SQL(create).format(sql.SQL(", ").join(columns)))
    with connection.cursor() as cursor, cursor.copy("COPY hostile FROM STDIN") as copy:
        for row in range(ROWS):
            values = [(NAMES[(row * 7 + n) % len(NAMES)], row % 11 / 3, row % 2 == 0)[n % 3] for n in range(len(NAMES))]
            key, label = f"{NAMES[row % len(NAMES)]} {row}", CLASSES[row % len(CLASSES)]
            copy.write_row([key, *values, CLASSES[row % 2 * 3], label, float(len(label))])


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture(scope="module")
def hostile(attacked):
    """That table, a trainer's, and models of it."""
    trainer = attacked.connection("atk_trainer")
    make_table(trainer)
    before = attacked.state("migration")
    for model, (task, algorithm, hyperparams) in TRAINED.items():
        trainer.execute(TRAIN, [model, f"{task}_target", json.dumps(NAMES), task, algorithm, hyperparams])
    ours = [f'"{model}@' for model in TRAINED] + [f"_{model}(" for model in TRAINED] + ["(text, anyelement)"]
    others = {name for name in changed(before, attacked.state("migration")) if not any(own in name for own in ours)}
    assert others == set()
    return attacked


@pytest.fixture(params=["on", "off"], ids=["", "strings with backslashes"])
def scorer(hostile, request):
    """A login that may score, in a session that reads strings in either way."""
    hostile.rows("atk_trainer", "GRANT USAGE ON SCHEMA atk_trainer TO atk_scorer")
    hostile.rows("atk_trainer", "GRANT SELECT ON hostile TO atk_scorer")
    with psycopg.connect(hostile.url("atk_scorer"), autocommit=True) as connection:
        connection.execute(f"SET standard_conforming_strings = {request.param}")
        connection.execute("SET escape_string_warning = off")
        yield connection


@pytest.mark.parametrize("model", ["colour", "leaf"])
def test_a_row_with_such_names_gets_its_class_in_the_words_of_the_data(hostile, scorer, model):
    expected = hostile.rows("atk_trainer", f"SELECT DISTINCT {TRAINED[model][0]}_target FROM hostile")
    typed, by_json, shares = scorer.execute(f"""
        SELECT array_agg(sqlml.predict_label_{model}(h) ORDER BY id),
               array_agg(sqlml.predict_label('{model}@1', to_jsonb(h)) ORDER BY id),
               array_agg(sqlml.predict_proba('{model}', h)::text ORDER BY id)
        FROM atk_trainer.hostile AS h
    """).fetchone()
    classes = {label for (label,) in expected}
    assert typed == by_json
    assert set(typed) <= classes
    assert {frozenset(json.loads(each)) for each in shares} == {frozenset(classes)}


def test_scores_of_such_columns_are_those_of_the_kernel(hostile):
    """Training has compared the two on held-out rows already; here on all, through the table of predictions."""
    hostile.rows("atk_trainer", "CALL sqlml.score('weight', 'hostile', 'weighed', 'id')")
    different = """
        SELECT count(*), count(*) FILTER (WHERE weighed.prediction IS DISTINCT FROM sqlml.predict_weight(h))
        FROM hostile AS h JOIN weighed USING (id)
    """
    assert hostile.rows("atk_trainer", different) == [(ROWS, 0)]


def test_truth_checks_and_monitoring_of_such_names(hostile):
    before = hostile.state("migration")
    trainer = hostile.connection("atk_trainer")
    truth = trainer.execute("CALL sqlml.record_truth('leaf', 'hostile', 'id', 'multiclass_target')").fetchone()
    suite = [{"check": "not_null", "column": name, "key": "id"} for name in NAMES]
    suite += [{"check": "allowed_values", "column": "multiclass_target", "values": NAMES}]
    suite += [{"check": "sentinel", "column": "id", "values": NAMES}]
    checked = trainer.execute("CALL sqlml.\"check\"('hostile', %s)", [json.dumps(suite)]).fetchone()
    trainer.execute("CALL sqlml.score('leaf', 'hostile', 'leaves', 'id')")
    monitored = trainer.execute("CALL sqlml.monitor('leaf', slices => %s)", [json.dumps([NAMES[2]])]).fetchone()
    assert truth[1] == ROWS
    assert checked[1:] == (len(suite), 0, 0, 0)
    assert monitored[1] > 1000
    assert changed(before, hostile.state("migration")) == {"relation atk_trainer.leaves"}


@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "snowflake", "bigquery", "mysql", "tsql"])
def test_sql_for_another_database_is_one_statement(hostile, dialect):
    ((written,),) = hostile.rows("atk_reader", "SELECT sql FROM sqlml.to_sql('leaf', %s)", [dialect])
    assert [type(each) for each in sqlglot.parse(written, dialect=dialect)] == [sqlglot.exp.Select]


def test_names_of_our_own_are_refused(attacked):
    relation = 'SELECT age AS "SQLML_row", bought FROM visit'
    refusal = attacked.outcome(
        "atk_trainer", "CALL sqlml.train('own', %s, 'bought', algorithm => 'baseline')", [relation]
    )
    assert refusal[0] == "ML021"
    assert "column 'SQLML_row' begins with sqlml_" in refusal[1]


def test_a_table_and_a_key_of_such_a_name_hold_the_predictions(attacked):
    before, scorer = attacked.state("migration"), attacked.connection("atk_scorer")
    for name in NAMES:
        quoted = sql.Identifier(name).as_string(scorer)
        key = (
            name if name not in ("prediction", "label", "version", "model", "run_id", "event_time", "features") else "k"
        )
        relation = f"SELECT age, visit_id AS {sql.Identifier(key).as_string(scorer)} FROM visit LIMIT 3"
        scorer.execute("CALL sqlml.score('other', %s, %s, %s)", [relation, quoted, key])
        count = sql.SQL("SELECT count(DISTINCT {}) FROM atk_scorer.{}").format(
            sql.Identifier(key), sql.Identifier(name)
        )
        assert scorer.execute(count).fetchone() == (3,), name
    made = changed(before, attacked.state("migration"))
    assert len(made) == len(NAMES)
    assert all(each.startswith("relation atk_scorer.") for each in made)
