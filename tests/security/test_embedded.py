"""The same texts and names in DuckDB: its file has one user, who still should get what was asked for and no more."""

import json

import pytest
from payloads import NAMES, PAYLOADS, WAYS_OUT
from sqlglot import exp

import sqlml

CALLS = {
    "train": {
        "model": "scratch",
        "relation": "visit",
        "target": "bought",
        "algorithm": "baseline",
        "task": "auto",
        "hyperparams": "{}",
        "preprocess": "{}",
        "features": '["age"]',
        "key_column": None,
        "time_column": None,
        "weight_column": None,
        "group_column": None,
        "split": "auto",
        "search": "grid",
        "search_space": "{}",
        "deploy": "never",
    },
    "deploy": {"model": "buyer", "version": 1, "alias": "champion", "strategy": "immediate"},
    "rollback": {"model": "buyer", "alias": "champion", "reason": None},
    "score": {"model": "buyer", "relation": "visit", "into": "nowhere.mine", "key_column": "visit_id"},
    "record_truth": {"model": "buyer", "relation": "visit", "key_column": "visit_id", "truth_column": "bought"},
    "check": {"relation": "visit", "suite": "[]"},
    "monitor": {"model": "buyer", "window_start": "2024-01-01", "window_end": "2024-01-02", "slices": None},
    "evaluate": {"model": "buyer", "relation": "visit"},
    "to_sql": {"model": "buyer", "dialect": "duckdb"},
    "training_info": {"model": "buyer"},
    "feature_importance": {"model": "buyer"},
}
ARGUMENTS = [(verb, name) for verb, given in CALLS.items() for name in given if name != "version"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with sqlml.connect(tmp_path_factory.mktemp("shop") / "shop.duckdb") as con:
        con.execute("""
            CREATE TABLE visit AS
            SELECT i AS visit_id, (i * 7919) % 97 AS age, (i * 7919) % 97 > 50 AS bought, 'x' AS plan
            FROM range(1, 121) AS g(i);
            CREATE SCHEMA public;
            CREATE TABLE public.canary AS SELECT 'tweet' AS alive;
            CREATE TABLE public.secret AS SELECT 1 AS age;
        """)
        con.execute(
            "CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear', "
            "deploy => 'always')"
        )
        yield con


def state(con, but="scratch"):
    objects = con.execute("""
        SELECT schema_name || '.' || table_name, sql FROM duckdb_tables()
        UNION ALL SELECT schema_name || '.' || view_name, sql FROM duckdb_views()
        UNION ALL SELECT schema_name || '.' || function_name, macro_definition FROM duckdb_functions()
                  WHERE NOT internal
        UNION ALL SELECT 'attached ' || database_name, path FROM duckdb_databases()
        UNION ALL SELECT 'setting ' || name, value FROM duckdb_settings()
                  WHERE name IN ('enable_external_access', 'allow_unsigned_extensions', 'lock_configuration')
        UNION ALL SELECT 'canary', alive FROM public.canary
        UNION ALL SELECT 'live ' || alias, version::text FROM sqlml.deployment WHERE valid_to IS NULL
    """).fetchall()
    return {(name, text) for name, text in objects if f"_{but}" not in name}


@pytest.mark.parametrize(("verb", "argument"), [pytest.param(*each, id=".".join(each)) for each in ARGUMENTS])
def test_a_payload_is_only_a_value(shop, verb, argument):
    before = state(shop)
    turn = ARGUMENTS.index((verb, argument)) % 6
    for payload in [*WAYS_OUT, *[text for text in PAYLOADS if text not in WAYS_OUT][turn::6]]:
        if "\x00" in payload or payload in ("buyer", "public", "user", "postgres", "now") or payload.isidentifier():
            continue
        given = CALLS[verb] | {argument: payload}
        values = ", ".join(f"{quoted(name)} => {literal(value)}" for name, value in given.items())
        wrong = refusal(shop, f"CALL sqlml.{quoted(verb)}({values})")
        assert "should not" not in wrong
    made = {name for name, _ in state(shop) ^ before}
    # A name that a payload happens to be: nobody but the user of the file says where tables go.
    asked = {name for name in made if argument == "into" and name.startswith(("main.", "sqlml.as_owner"))}
    assert made - asked == set()


def refusal(con, statement):
    """What sqlml says of a statement; empty where it is done."""
    try:
        con.execute(statement).fetchall()
    except sqlml.SqlmlError as error:
        return error.message
    return ""


def literal(value):
    return (
        "NULL" if value is None else str(value) if isinstance(value, int) else exp.Literal.string(value).sql("duckdb")
    )


def quoted(name):
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def test_names_and_values_of_the_data(shop):
    columns = ", ".join(
        f"{literal(NAMES[0])} || i AS {quoted(name)}" if n % 2 else f"i * {n} AS {quoted(name)}"
        for n, name in enumerate(NAMES)
    )
    labels = ", ".join(literal(name) for name in NAMES[:8])
    shop.execute(f"""
        CREATE TABLE hostile AS
        SELECT i AS id, {columns}, list_extract([{labels}], 1 + i % 8) AS target FROM range(80) AS g(i)
    """)
    before = state(shop, "hostile")
    features, hyperparams = literal(json.dumps(NAMES)), literal('{"num_iterations": 1, "min_data_in_leaf": 1}')
    shop.execute(
        f"CALL sqlml.train('hostile', 'hostile', 'target', key_column => 'id', features => {features}, "
        f"hyperparams => {hyperparams}, deploy => 'always')"
    )
    labels = "SELECT DISTINCT predict_label('hostile', h), sqlml.predict_label_hostile(h) FROM hostile AS h"
    found = shop.execute(labels)
    assert set(found.fetchall()) <= {(name, name) for name in NAMES[:8]}
    assert state(shop, "hostile") == before
