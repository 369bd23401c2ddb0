"""Names and values that the data brings with it: columns, categories, classes, keys, tables. They end up in SQL."""

import json

import psycopg
import pytest
from payloads import NAMES
from psycopg import sql

ROWS = 310
TRAINED = {
    "colour": ("binary", "linear", "{}"),
    "shape": ("multiclass", "linear", '{"max_iter": 20}'),
    "leaf": ("multiclass", "lightgbm", '{"num_iterations": 1, "num_leaves": 4, "min_data_in_leaf": 1}'),
    "weight": ("regression", "lightgbm", '{"num_iterations": 3, "num_leaves": 8, "min_data_in_leaf": 1}'),
}
"""By model: its task, algorithm and hyperparameters."""


def name_in(names, position):
    return names[position % len(names)]


@pytest.fixture(scope="module")
def hostile(attacked):
    """A table of a trainer's whose columns, categories and classes all have such names, and models of it."""
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(("text", "float8", "boolean")[n % 3]))
               for n, name in enumerate(NAMES)]
    table = sql.SQL("CREATE TABLE hostile (id text, {}, binary_target text, multiclass_target text, regression_target float8)")
    trainer = attacked.connection("atk_trainer")
    trainer.execute(table.format(sql.SQL(", ").join(columns)))
    with trainer.cursor() as cursor, cursor.copy("COPY hostile FROM STDIN") as copy:
        for row in range(ROWS):
            values = [(name_in(NAMES, row * 7 + n), row % 11 / 3, row % 2 == 0)[n % 3] for n in range(len(NAMES))]
            label = name_in(NAMES, row)
            copy.write_row([f"{name_in(NAMES, row)} {row}", *values, NAMES[row % 2 * 3], label, float(len(label))])
    before = attacked.state("migration")
    for model, (task, algorithm, hyperparams) in TRAINED.items():
        call = "CALL sqlml.train(%s, 'hostile', %s, features => %s, algorithm => %s, hyperparams => %s, deploy => 'always', split => 'random', key_column => 'id', task => %s)"
        trainer.execute(call, [model, f"{task}_target", json.dumps(NAMES), algorithm, hyperparams, task])
    after = attacked.state("migration")
    ours = [name for model in TRAINED for name in (f'"{model}@', f"_{model}(")]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    dispatchers = {f"sqlml sqlml.{kind}(text, anyelement)" for kind in ("predict", "predict_label", "predict_proba", "raw_score")}
    assert {name for name in changed - dispatchers if not any(mark in name for mark in ours)} == set()
    return attacked


@pytest.fixture(params=["on", "off"], ids=["", "strings with backslashes"])
def scorer(hostile, request):
    """A login that may score, in a session that reads strings in either way."""
    hostile.rows("atk_trainer", "GRANT USAGE ON SCHEMA atk_trainer TO atk_scorer; GRANT SELECT ON hostile TO atk_scorer")
    with psycopg.connect(hostile.url("atk_scorer"), autocommit=True) as connection:
        connection.execute(f"SET standard_conforming_strings = {request.param}")
        connection.execute("SET escape_string_warning = off")
        yield connection


@pytest.mark.parametrize("model", [name for name, (task, *_) in TRAINED.items() if task != "regression"])
def test_a_row_with_such_names_gets_its_class_in_the_words_of_the_data(hostile, scorer, model):
    expected = hostile.rows("atk_trainer", f"SELECT DISTINCT {TRAINED[model][0]}_target FROM hostile")
    typed, by_json, shares = scorer.execute(f"""
        SELECT array_agg(sqlml.predict_label_{model}(h) ORDER BY id),
               array_agg(sqlml.predict_label('{model}@1', to_jsonb(h)) ORDER BY id),
               array_agg(sqlml.predict_proba('{model}', h)::text ORDER BY id)
        FROM atk_trainer.hostile AS h
    """).fetchone()
    assert typed == by_json
    assert set(typed) <= {label for (label,) in expected}
    assert {tuple(sorted(json.loads(each))) for each in shares} == {tuple(sorted(label for (label,) in expected))}


def test_scores_of_such_columns_are_those_of_the_kernel(hostile):
    """Training has compared the two on held-out rows already; here on all, through the table of predictions."""
    hostile.rows("atk_trainer", "CALL sqlml.score('weight', 'hostile', 'weighed', 'id')")
    different = """
        SELECT count(*), count(*) FILTER (WHERE prediction IS DISTINCT FROM sqlml.predict_weight(h))
        FROM hostile AS h JOIN weighed USING (id)
    """
    assert hostile.rows("atk_trainer", different) == [(ROWS, 0)]


@pytest.mark.parametrize("position", range(len(NAMES)), ids=lambda n: f"name {n}")
def test_a_table_of_such_a_name_and_key_holds_the_predictions(hostile, position):
    """One after the other is the key, and names the table, the key column and a relation."""
    name = NAMES[position]
    quoted = sql.Identifier(name).as_string(hostile.connection(None))
    key = f"SELECT id AS {quoted}, * FROM hostile" if name != "id" else "hostile"
    del key
    before = hostile.state("migration")
    call = "CALL sqlml.score('weight', %s, %s, %s)"
    relation = f"SELECT row_number() OVER () AS number, * FROM hostile LIMIT 3"
    outcome = hostile.outcome("atk_trainer", call, [relation, quoted, "number"])
    after = hostile.state("migration")
    assert outcome is None
    changed = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    assert len(changed) == 1, changed
    found = hostile.rows("atk_trainer", sql.SQL("SELECT count(*) FROM atk_trainer.{}").format(sql.Identifier(name)))
    assert found == [(3,)]
    hostile.rows("atk_trainer", sql.SQL("DROP TABLE atk_trainer.{}").format(sql.Identifier(name)))
