"""plpgsql_check reads every routine in PL/pgSQL, ours and those of models: types, names, rights, speed, dead code."""

import re

import pytest
from postgres import CHECKER_REMEDY
from routines.names import routine

CHECKED = """
SELECT 'sqlml.' || proname, level, message
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang
LEFT JOIN pg_trigger ON tgfoid = p.oid AND NOT tgisinternal,
  plpgsql_check_function_tb(
    p.oid, coalesce(tgrelid, 0), fatal_errors => false, all_warnings => true, anyelememttype => 'customer'
  )
WHERE pronamespace = 'sqlml'::regnamespace AND lanname = 'plpgsql'
"""

ACCEPTED = {
    ("sqlml.refusal_to_commit", "invalid transaction termination"): "it is there to be refused",
    ("sqlml.refusal_to_commit", "control reached end of function without RETURN"): "the refusal is always caught",
    ("sqlml.refusal_to_commit", "routine is marked as VOLATILE, should be IMMUTABLE"): "it ends a transaction or tries",
    ("sqlml.wait_for", "cannot commit while a subtransaction is active"): "it is there to be refused",
    ("sqlml.score", 'name of parameter "into" is reserved keyword'): "the name is part of the contract, and is quoted",
}
"""What is found in our routines, and why it is left."""

ACCEPTED_OF_MODELS = {
    "routine is marked as STABLE, should be IMMUTABLE": "the next deployment replaces it; no index may be built on it",
    'unused parameter "features"': "a constant reads no row, and a function that only refuses does not either",
}
"""The same, for what a model brings."""

OF_OTHER_ROWS = re.compile(r'record "features" has no field "[A-Z_]+"')
"""A statement for rows whose names are in capital letters, which sqlml.has_column guards: these rows have none."""


@pytest.fixture
def findings(admin):
    if not admin.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'plpgsql_check'").fetchone():
        pytest.fail(f"the server has no plpgsql_check: {CHECKER_REMEDY}", pytrace=False)
    admin.execute("""
        CREATE TABLE customer AS
        SELECT i AS customer_id, (i * 7919) % 97 AS age, 1.5 * i AS spend, i % 5 = 0 AS churned,
               (ARRAY['basic', 'plus', 'pro'])[i % 3 + 1] AS plan, date '2024-01-01' + i AS seen_on
        FROM generate_series(1, 120) AS g(i)
    """)
    for target, algorithm in (("churned", "linear"), ("plan", "lightgbm"), ("spend", "baseline")):
        admin.execute(
            "CALL sqlml.train(%s, 'customer', %s, key_column => 'customer_id', algorithm => %s, deploy => 'always')",
            [f"m_{target}", target, algorithm],
        )
    admin.execute("CREATE EXTENSION plpgsql_check")
    return admin.execute(CHECKED).fetchall()


def test_nothing_is_wrong_with_a_routine(findings):
    named = [(routine(name), level, message) for name, level, message in findings]
    ours = {(name, message) for name, _, message in named if "<model>" not in name}
    assert ours == set(ACCEPTED)
    of_models = {
        (level, message) for name, level, message in named if "<model>" in name and not OF_OTHER_ROWS.fullmatch(message)
    }
    assert {message for _, message in of_models} == set(ACCEPTED_OF_MODELS)
    assert "error" not in {level for level, _ in of_models}


def test_what_is_wrong_is_found(admin):
    admin.execute("CREATE EXTENSION plpgsql_check")
    admin.execute("""
        CREATE FUNCTION sqlml.wrong(relation text) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE found bigint;
        BEGIN
          EXECUTE 'SELECT count(*) FROM ' || relation INTO found;
          RETURN (SELECT no_column FROM sqlml.model);
        END $$;
        CREATE TABLE customer (a integer)
    """)
    found = {(level, message) for name, level, message in admin.execute(CHECKED) if name == "sqlml.wrong"}
    assert ("error", 'column "no_column" does not exist') in found
    assert any(level == "security" for level, _ in found)
