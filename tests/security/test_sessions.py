"""What a session brings with it: names that stand in for others, settings, locks, and an end in between."""

import threading

import psycopg
import pytest
from psycopg import sql

from sqlml.cli.target import engine_at
from sqlml.engine.postgres.client import opened
from sqlml.install import install, verify
from sqlml.worker.attempt import introduced

TRAIN = "CALL sqlml.train(%s, 'visit', 'bought', features => '[\"age\"]', algorithm => 'baseline', deploy => 'never')"


def test_temporary_tables_do_not_stand_in_for_the_metadata(unchanged):
    trainer = unchanged.connection("atk_trainer")
    tables = ("model", "model_version", "run", "metric", "deployment", "compiled", "routine", "lock", "reference_row")
    for table in tables:
        create = sql.SQL("CREATE TEMP TABLE {} AS SELECT * FROM sqlml.run LIMIT 0").format(sql.Identifier(table))
        trainer.execute(create)
    trainer.execute("SET search_path = pg_temp, sqlml, public")
    try:
        with trainer.transaction(force_rollback=True):
            trainer.execute(TRAIN, ["shadowed"])
            assert trainer.execute("SELECT count(*) FROM sqlml.model WHERE model = 'shadowed'").fetchone() == (1,)
            for table in tables:
                count = sql.SQL("SELECT count(*) FROM pg_temp.{}").format(sql.Identifier(table))
                assert trainer.execute(count).fetchone() == (0,)
    finally:
        trainer.execute("RESET search_path")
        trainer.execute("DISCARD TEMP")


SHADOWS = """
CREATE TABLE seen (who text);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION saw() RETURNS text LANGUAGE sql AS 'INSERT INTO atk_trainer.seen VALUES (current_user) RETURNING who';
CREATE FUNCTION set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN pg_catalog.set_config($1, $2, $3); END';
CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN pg_catalog.current_setting($1); END';
CREATE FUNCTION to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN pg_catalog.to_regclass($1); END';
CREATE FUNCTION to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN pg_catalog.to_jsonb($1); END';
CREATE FUNCTION exp(double precision) RETURNS double precision LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN 7; END';
CREATE FUNCTION more(double precision, double precision) RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN false; END';
CREATE OPERATOR > (LEFTARG = double precision, RIGHTARG = double precision, FUNCTION = more);
CREATE FUNCTION plus(double precision, double precision) RETURNS double precision LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN 0; END';
CREATE OPERATOR + (LEFTARG = double precision, RIGHTARG = double precision, FUNCTION = plus);
CREATE OPERATOR * (LEFTARG = double precision, RIGHTARG = double precision, FUNCTION = plus);
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN PERFORM atk_trainer.saw(); RETURN true; END';
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE DOMAIN jsonb AS pg_catalog.jsonb CHECK (atk_trainer.saw() IS NOT NULL);
CREATE DOMAIN text AS pg_catalog.text CHECK (atk_trainer.saw() IS NOT NULL);
"""
"""Functions, operators and types that fit as well as the server's own, and say as whom they were called."""


def test_names_of_the_callers_schema_do_not_stand_in_for_those_of_the_server(fresh):
    """The caller's own statements may find them; those of sqlml_owner, and compiled models, do not."""
    trainer = fresh.connection("atk_trainer")
    scores = "SELECT array_agg(sqlml.predict('buyer', v) ORDER BY visit_id) FROM visit AS v"
    before = trainer.execute(scores).fetchone()
    trainer.execute(SHADOWS)
    trainer.execute("SET search_path = atk_trainer, public, sqlml, pg_catalog")
    after = trainer.execute(scores).fetchone()
    for call in (TRAIN.replace("%s", "'lured'"), "CALL sqlml.deploy('buyer', 2)", "CALL sqlml.monitor('buyer')"):
        fresh.outcome("atk_trainer", call)
    assert after == before
    assert {who for (who,) in fresh.rows(None, "SELECT who FROM atk_trainer.seen")} <= {"atk_trainer"}
    live = "SELECT version FROM sqlml.deployment WHERE model = 'buyer' AND valid_to IS NULL"
    assert fresh.rows(None, live) == [(1,)]


def test_a_predict_of_ones_own_deceives_oneself_only(fresh):
    fresh.rows(None, "CALL sqlml.put_on_search_path()")
    own = "CREATE FUNCTION atk_scorer.predict(text, anyelement) RETURNS integer LANGUAGE sql AS 'SELECT -1'"
    fresh.rows("atk_scorer", own)
    fresh.close()
    asked = "SELECT DISTINCT predict('plans', v)::text FROM visit AS v"
    assert fresh.rows("atk_trainer", "SHOW search_path") == [('"$user", public, sqlml',)]
    assert fresh.rows("atk_scorer", asked) == [("-1",)]
    assert fresh.outcome("atk_trainer", asked)[0] == "ML001"


BETTER = """
CREATE TABLE atk_public.seen (who text);
GRANT ALL ON atk_public.seen TO PUBLIC;
GRANT USAGE ON SCHEMA atk_public TO PUBLIC;
CREATE FUNCTION public.concat_ws(text, text, name, text) RETURNS text LANGUAGE sql AS
  'INSERT INTO atk_public.seen VALUES (current_user) RETURNING who';
CREATE FUNCTION public.concat_ws(text, text, text) RETURNS text LANGUAGE sql AS
  'INSERT INTO atk_public.seen VALUES (current_user) RETURNING who';
CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql AS
  'BEGIN INSERT INTO atk_public.seen VALUES (current_user); RETURN 1; END';
CREATE FUNCTION public.saw(name, name) RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN INSERT INTO atk_public.seen VALUES (current_user); RETURN true; END';
CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = name, FUNCTION = public.saw);
"""
"""Functions that fit better than the server's own, in a schema that stands on everybody's path."""


def test_those_who_install_verify_and_work_run_no_function_of_others(fresh):
    fresh.rows(None, "GRANT CREATE ON SCHEMA public TO atk_public")
    fresh.rows("atk_public", BETTER)
    with engine_at(fresh.url()) as (engine, _):
        verify(engine)
        install(engine, repair=True)
    fresh.rows(None, "CALL sqlml.deploy('buyer', 2)")
    fresh.rows(None, "GRANT sqlml_owner TO atk_worker")
    introduced(fresh.url("atk_worker"))
    assert fresh.rows(None, "SELECT who FROM atk_public.seen") == []


SETTINGS = [
    """
    SET quote_all_identifiers = on; SET search_path = '';
    SET extra_float_digits = 0; SET datestyle = 'SQL, DMY'; SET intervalstyle = sql_standard;
    """,
    """
    SET timezone = 'Pacific/Kiritimati'; SET bytea_output = escape; SET array_nulls = off; SET client_encoding = latin1;
    SET transform_null_equals = on; SET row_security = off; SET check_function_bodies = off;
    """,
    "SET force_parallel_mode = on; SET plan_cache_mode = force_generic_plan; SET lc_monetary = 'C';",
]


def test_settings_of_the_session_change_nothing_of_what_is_written(fresh):
    """A version that is trained under them is the same, scores the same, and the database is as its files say."""
    train = (
        "CALL sqlml.train('buyer', 'public.visit', 'bought', key_column => 'visit_id', algorithm => 'linear', "
        "deploy => 'never')"
    )
    trainer = fresh.connection("atk_trainer")
    for version, settings in enumerate(SETTINGS, 3):
        trainer.execute(settings)
        assert fresh.outcome("atk_trainer", train) is None, settings
        trainer.execute("RESET ALL")
        hashes = "SELECT count(DISTINCT artifact_hash) FROM sqlml.model_version WHERE model = 'buyer'"
        assert fresh.rows(None, hashes) == [(1,)], settings
        differ = "SELECT FROM visit AS v WHERE sqlml.predict(%s, v) IS DISTINCT FROM sqlml.predict('buyer@1', v)"
        assert fresh.rows("atk_trainer", differ, [f"buyer@{version}"]) == [], settings
    with opened(fresh.url()) as engine:
        assert verify(engine) == []


def test_a_session_that_reads_backslashes_in_strings_writes_nothing(unchanged):
    trainer = unchanged.connection("atk_trainer")
    trainer.execute("SET standard_conforming_strings = off")
    outcome = unchanged.outcome("atk_trainer", TRAIN, ["off"])
    trainer.execute("RESET standard_conforming_strings")
    assert outcome[0] == "ML060"


def test_advisory_locks_of_anybody_hold_nobody_up(fresh):
    holder = fresh.connection("atk_public")
    for what in ("model buyer", "model other", "score into mine", "dispatchers", "truth of buyer", "monitor buyer"):
        holder.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"sqlml {what}"])
        holder.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [what])
    holder.execute("SELECT pg_advisory_lock(x) FROM unnest(ARRAY[0, 1, 495790615660]) AS x")
    for login, call in {
        "atk_deployer": "CALL sqlml.deploy('buyer', 2)",
        "atk_scorer": "CALL sqlml.score('other', 'visit', 'mine', 'visit_id')",
        "atk_trainer": "CALL sqlml.monitor('buyer', slices => '[]')",
    }.items():
        fresh.rows(login, "SET lock_timeout = '3s'")
        assert fresh.outcome(login, call) is None


def test_two_calls_about_one_model_wait_for_each_other(fresh):
    """The lock that takes the place of an advisory one holds."""
    first, second = fresh.connection("atk_deployer"), fresh.connection("atk_all")
    second.execute("SET lock_timeout = '100ms'")
    with first.transaction():
        first.execute("CALL sqlml.deploy('buyer', 2)")
        assert fresh.outcome("atk_all", "CALL sqlml.deploy('buyer', 2)")[1].startswith(
            "canceling statement due to lock"
        )
    assert fresh.outcome("atk_all", "CALL sqlml.deploy('buyer', 1)") is None
    assert fresh.rows(None, "SELECT name FROM sqlml.lock WHERE name LIKE 'model%'") == []


def test_calls_about_two_models_that_are_live_do_not_wait_for_each_other(fresh):
    first, second = fresh.connection("atk_deployer"), fresh.connection("atk_all")
    second.execute("SET lock_timeout = '100ms'")
    with first.transaction():
        first.execute("CALL sqlml.deploy('buyer', 2)")
        assert fresh.outcome("atk_all", "CALL sqlml.deploy('other', 1)") is None
    assert fresh.outcome("atk_all", "CALL sqlml.deploy('buyer', 1)") is None


def test_a_statement_that_is_cancelled_leaves_nothing_half_written(fresh):
    trainer = fresh.connection("atk_trainer")
    trainer.execute(TRAIN, ["warm"])
    outcomes = []
    for milliseconds in (5, 20, 40, 60, 80, 100, 120, 150, 200, 300, 3000):
        before = fresh.state()
        trainer.execute(sql.SQL("SET statement_timeout = {}").format(milliseconds))
        outcome = fresh.outcome("atk_trainer", TRAIN, [f"t{milliseconds}"])
        trainer.execute("SET statement_timeout = 0")
        outcomes.append(outcome and outcome[0])
        if outcome is not None:
            assert fresh.state() == before
    assert outcomes[0] == "57014"
    assert outcomes[-1] is None


def test_what_is_trained_cannot_be_prepared_for_somebody_else_to_commit(unchanged):
    connection = unchanged.connection("atk_trainer")
    with connection.transaction(force_rollback=True):
        connection.execute(TRAIN, ["prepared"])
        with pytest.raises(psycopg.Error, match=r"[Pp]repare|PREPARE"), connection.transaction():
            connection.execute("PREPARE TRANSACTION 'pwned'")


def test_two_sessions_do_not_share_what_waits_for_the_owner(unchanged):
    """A token lives in the memory of one session: while one trains, others find no way in."""
    outcomes = []

    def knock():
        for token in ("", "0" * 32, "x"):
            outcomes.append(unchanged.outcome("atk_scorer", "SELECT sqlml.as_owner(%s)", [token])[0])

    trainer = unchanged.connection("atk_trainer")
    knocking = threading.Thread(target=knock)
    with trainer.transaction(force_rollback=True):
        knocking.start()
        trainer.execute(TRAIN, ["meanwhile"])
    knocking.join()
    assert outcomes == ["42501"] * 3
