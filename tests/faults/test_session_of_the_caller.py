"""What the session of a caller brings with it: settings that change texts, and rights that it lacks."""

import psycopg
import pytest
from postgres import name_of

from sqlml.engine.postgres.client import opened
from sqlml.errors import EngineError

SCORE = "CALL sqlml.score('buyer', 'visit', 'p', key_column => 'visit_id')"
TRAIN = "CALL sqlml.train('{}', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear')"
ODD = {
    "extra_float_digits": "-2",
    "bytea_output": "escape",
    "intervalstyle": "sql_standard",
    "datestyle": "SQL, DMY",
}


@pytest.fixture
def con(url):
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("name", ODD)
def test_scores_and_references_are_exact_whatever_the_session_prefers(con, name):
    con.execute(f"SET {name} = {ODD[name]}")
    con.execute(TRAIN.format("odd"))
    con.execute(SCORE)
    assert con.execute(f"SHOW {name}").fetchone() == (ODD[name],)
    con.execute(f"RESET {name}")
    con.execute(TRAIN.format("even"))
    exact = """SELECT count(*) FROM p JOIN visit USING (visit_id)
      WHERE (features ->> 'income')::float8 = income AND (features ->> 'age')::integer = age"""
    assert con.execute(exact).fetchone() == (100,)
    kept = (
        "SELECT array_agg(features::text || prediction ORDER BY prediction) FROM sqlml.reference_row WHERE model = %s"
    )
    assert con.execute(kept, ["odd"]).fetchone() == con.execute(kept, ["even"]).fetchone()


@pytest.mark.parametrize("name", ["bytea_output", "intervalstyle"])
@pytest.mark.parametrize("key", ["decode('00ff', 'hex')", "interval '1 day 2 hours'"])
def test_a_key_has_one_text(con, name, key):
    con.execute(f"CREATE TABLE happened AS SELECT {key} AS k, true AS y")
    call = "CALL sqlml.record_truth('buyer', 'happened', key_column => 'k', truth_column => 'y')"
    con.execute(f"SET {name} = {ODD[name]}")
    assert con.execute(call).fetchone()[1] == 1
    con.execute(f"RESET {name}")
    assert con.execute(call).fetchone()[1] == 0


def test_an_error_leaves_the_settings_as_they_were(con):
    con.execute("SET extra_float_digits = -2")
    with con.transaction():
        with pytest.raises(psycopg.Error), con.transaction():
            con.execute(SCORE.replace("visit_id", "nothing"))
        assert con.execute("SHOW extra_float_digits").fetchone() == ("-2",)


@pytest.fixture
def trainer(postgres_server, url, con):
    """The URL of a trainer who may make no temporary table, and its name."""
    name, role = name_of(url), f"r_{name_of(url)[-12:]}"
    con.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    con.execute(f"CREATE ROLE {role} LOGIN; GRANT sqlml_trainer TO {role}; GRANT SELECT ON visit TO {role}")
    con.execute(f"CREATE SCHEMA scores AUTHORIZATION {role}")
    yield postgres_server.url_of(name, role), role
    con.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


@pytest.mark.parametrize("statement", [SCORE.replace("'p'", "'scores.p'"), TRAIN.format("buyer")])
def test_who_may_make_no_temporary_table_is_told_how_to_get_the_right(trainer, con, statement):
    url, role = trainer
    with psycopg.connect(url, autocommit=True) as own:
        with pytest.raises(psycopg.Error) as error:
            own.execute(statement)
        assert error.value.sqlstate == "ML060"
        assert f"GRANT TEMPORARY ON DATABASE {name_of(url)} TO " in error.value.diag.message_primary
        con.execute(f"GRANT TEMPORARY ON DATABASE {name_of(url)} TO {role}, sqlml_owner")
        own.execute(statement)


def test_over_a_driver_too(trainer):
    url, role = trainer
    with opened(url) as engine, pytest.raises(EngineError, match=f"GRANT TEMPORARY ON DATABASE .* TO {role}"):
        engine.arrow("SELECT i FROM generate_series(1, 30000) AS i, generate_series(1, 2)")


@pytest.mark.parametrize("statement", [SCORE, TRAIN.format("buyer")])
def test_where_nothing_can_be_written_it_is_told_where_it_can(con, statement):
    con.execute("SET default_transaction_read_only = on")
    with pytest.raises(psycopg.Error, match=r"READ WRITE.*primary") as error:
        con.execute(statement)
    assert error.value.sqlstate == "ML060"


def test_what_reads_needs_no_temporary_table(trainer):
    with psycopg.connect(trainer[0], autocommit=True, options="-c default_transaction_read_only=on") as own:
        assert own.execute("SELECT count(sqlml.predict('buyer', v)) FROM visit AS v").fetchone() == (100,)
        assert own.execute("SELECT n FROM sqlml.evaluate('buyer', 'visit') LIMIT 1").fetchone() == (100,)
