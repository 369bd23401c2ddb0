"""Which texts call a routine, and which only name it."""

import pytest

from routines.names import calls, routine


@pytest.mark.parametrize(
    ("sql", "called"),
    [
        ("CALL sqlml.train('m', 't', 'y')", {"sqlml.train"}),
        ("call sqlml . Train ( model => 'm' ) ; CALL sqlml.deploy('m', 1)", {"sqlml.train", "sqlml.deploy"}),
        ("SELECT metric FROM sqlml.evaluate('m', 't') AS e(metric)", {"sqlml.evaluate"}),
        ('SELECT sqlml."check"(1), sqlml."m@2_core"(x)', {"sqlml.check", "sqlml.m@2_core"}),
        ("CREATE TABLE sqlml.score (a int)", set()),
        ("CREATE TABLE p AS SELECT sqlml.predict_m(t) FROM t", {"sqlml.predict_m"}),
        ("CREATE TEMP TABLE p AS SELECT predict('m', t) FROM t", {"sqlml.predict"}),
        ("INSERT INTO sqlml.score (a) SELECT sqlml.float_sum(1, 2)", {"sqlml.float_sum"}),
        ("EXPLAIN ANALYZE SELECT predict('m', t) FROM t", {"sqlml.predict"}),
        ("EXPLAIN (COSTS off, ANALYZE) SELECT predict('m', t) FROM t", {"sqlml.predict"}),
        ("EXECUTE statement USING sqlml.in_quotes(a)", {"sqlml.in_quotes"}),
        ("IF a > 1 THEN PERFORM sqlml.unknown_name(b, c)", {"sqlml.unknown_name"}),
        ("SELECT 1 -- sqlml.train('m')\n/* sqlml.score(1) /* sqlml.deploy(1) */ sqlml.check(1) */", set()),
        ("SELECT 'sqlml.train(1)', E'\\'sqlml.score(1)', $$sqlml.deploy(1)$$, $a$ sqlml.check(1) $a$", set()),
        ("SELECT 'it''s sqlml.train(1)'", set()),
        ("SELECT sqlml.train, sqlml.score FROM sqlml.deploy", set()),
        ("SELECT other.train(1), train(1), xsqlml.train(1)", set()),
        ("CREATE OR REPLACE FUNCTION sqlml.f() RETURNS int LANGUAGE sql RETURN sqlml.float_sum(1, 2)", set()),
        (
            "CREATE FUNCTION sqlml.f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT sqlml.float_sum(1, 2); "
            "SELECT sqlml.float_product(1, 2); END; CALL sqlml.train(1)",
            {"sqlml.train"},
        ),
        ("GRANT EXECUTE ON FUNCTION sqlml.predict(text, anyelement) TO sqlml_scorer", set()),
        ("CREATE VIEW v AS SELECT sqlml.predict_m(t) FROM t", set()),
        ("EXPLAIN SELECT predict('m', t) FROM t", set()),
        ("SELECT sqlml.train('", set()),
    ],
)
def test_calls_in_a_text(sql, called):
    assert calls(sql, "postgres") == called


def test_what_has_no_schema_is_found_where_the_engine_looks():
    assert calls("SELECT predict_label('m', t), raw_score('m', t) FROM t", "duckdb") == {
        "main.predict_label",
        "main.raw_score",
    }
    assert calls("SELECT $model, predict($model, {'a': 1})", "duckdb") == {"main.predict"}
    assert calls("CREATE MACRO sqlml.f(x) AS sqlml.predict('m', x)", "duckdb") == set()


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("sqlml.predict", "sqlml.predict"),
        ("sqlml.predict_proba", "sqlml.predict_proba"),
        ("sqlml.predict_proba_m", "sqlml.predict_proba_<model>"),
        ("sqlml.raw_score_flight_late", "sqlml.raw_score_<model>"),
        ("sqlml.m_2@10_label", "sqlml.<model>@<n>_label"),
        ("sqlml.missing_columns", "sqlml.missing_columns"),
    ],
)
def test_what_models_bring_is_one_routine_a_kind(name, counted):
    assert routine(name) == counted
