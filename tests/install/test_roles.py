"""What each role may do in PostgreSQL, and that nobody may do more."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors

from sqlml.engine.postgres.client import opened
from sqlml.install import install, verify

READING = {
    "metadata": "SELECT count(*) FROM sqlml.metric",
    "views": "SELECT count(*) FROM sqlml.latest_drift",
    "live_at": "SELECT * FROM sqlml.live_at('buyer', now()::timestamp)",
    "training_info": "SELECT * FROM sqlml.training_info('buyer')",
    "feature_importance": "SELECT * FROM sqlml.feature_importance('buyer@2')",
    "evaluate": "SELECT * FROM sqlml.evaluate('buyer', 'visit')",
    "to_sql": "SELECT * FROM sqlml.to_sql('buyer')",
}
SCORING = {
    "predict": "SELECT sqlml.predict('buyer', v) FROM visit AS v",
    "predict a version": "SELECT sqlml.predict_label('buyer@2', v) FROM visit AS v",
    "predict compiled": "SELECT sqlml.predict_buyer(v) FROM visit AS v",
    "predict json": "SELECT sqlml.predict_proba('buyer', jsonb_build_object('age', 7)) FROM visit AS v",
    "score": "CALL sqlml.score('buyer', 'visit', 'mine', 'visit_id')",
    "record_truth": "CALL sqlml.record_truth('buyer', 'visit', 'visit_id', 'bought')",
}
TRAINING = {
    "train": "CALL sqlml.train('other', 'visit', 'bought', features => '[\"age\"]', algorithm => 'baseline')",
    "check": 'CALL sqlml."check"(\'visit\', \'[{"check": "not_null", "column": "age"}]\')',
    "monitor": "CALL sqlml.monitor('buyer')",
}
DEPLOYING = {
    "deploy": "CALL sqlml.deploy('buyer', 2)",
    "rollback": "CALL sqlml.rollback('buyer')",
    "grant_model": "CALL sqlml.grant_model('buyer', 'pg_monitor')",
}
VERBS = READING | SCORING | TRAINING | DEPLOYING
ALLOWED = {
    "": {},
    "sqlml_caller": {},
    "sqlml_reader": READING,
    "sqlml_scorer": READING | SCORING,
    "sqlml_trainer": READING | SCORING | TRAINING,
    "sqlml_approver": READING,
    "sqlml_deployer": READING | DEPLOYING,
    "sqlml_auditor": READING,
}


FORBIDDEN = [
    "INSERT INTO sqlml.metric (run_id, model, version, dataset, metric, n) VALUES ('x', 'm', 1, 'd', 'm', 1)",
    "UPDATE sqlml.deployment SET version = 2",
    "DELETE FROM sqlml.run",
    "TRUNCATE sqlml.alert",
    "INSERT INTO sqlml.model_grant VALUES ('buyer', current_user::regrole, now(), 'me')",
    "CREATE TABLE sqlml.mine (a integer)",
    "CREATE FUNCTION sqlml.predict(a integer) RETURNS integer LANGUAGE sql RETURN 1",
    "DROP FUNCTION sqlml.live_at",
    "ALTER TABLE sqlml.model DISABLE TRIGGER ALL",
    "SET ROLE sqlml_owner",
    "GRANT sqlml_trainer TO CURRENT_USER",
    "SELECT sqlml.as_owner('0123456789abcdef0123456789abcdef')",
    "SELECT sqlml.grant_compiled()",
]
"""What nobody may do but the owner and superusers."""


def outcome(connection, statement):
    """Whether a statement was let through; it may still find nothing to do."""
    try:
        connection.execute(statement)
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported):
        return "denied"
    except psycopg.Error as error:
        # An error of our own comes from behind the door.
        return "let in" if (error.sqlstate or "").startswith("ML") else f"{error.sqlstate} {error}"
    return "let in"


@pytest.mark.parametrize("group", ALLOWED)
def test_a_role_does_what_it_is_for_and_no_more(as_role, group):
    connection = as_role(*filter(None, [group]))
    found = {verb: outcome(connection, statement) for verb, statement in VERBS.items()}
    assert found == {verb: "let in" if verb in ALLOWED[group] else "denied" for verb in VERBS}
    assert [statement for statement in FORBIDDEN if outcome(connection, statement) != "denied"] == []


@pytest.mark.parametrize(
    "door",
    [
        'SELECT sqlml.call_inline(\'deploy\', \'{"model": "buyer", "version": 2}\')',
        'SELECT sqlml.read_verb(\'deploy\', \'{"model": "buyer", "version": 2}\')',
        "CALL sqlml.run_verb('deploy', '{\"model\": \"buyer\", \"version\": 2}', 'inline', NULL)",
    ],
)
def test_the_grants_of_a_verb_hold_at_every_door(as_role, door):
    with pytest.raises(errors.InsufficientPrivilege, match=r"permission denied for sqlml.deploy"):
        as_role("sqlml_trainer").execute(door)


def test_a_trainer_reads_only_what_the_trainer_may_read(as_role, trained):
    trainer = as_role("sqlml_trainer")
    with psycopg.connect(trained, autocommit=True) as admin:
        admin.execute("CREATE TABLE secret AS SELECT * FROM visit; REVOKE ALL ON secret FROM PUBLIC")
    with pytest.raises(psycopg.Error, match="permission denied for table secret"):
        trainer.execute("CALL sqlml.train('other', 'secret', 'bought')")


def test_rows_hidden_by_the_owner_stay_hidden_from_readers(as_role, trained):
    reader = as_role("sqlml_reader")
    with psycopg.connect(trained, autocommit=True) as admin:
        admin.execute("""
            ALTER TABLE sqlml.deployment ENABLE ROW LEVEL SECURITY;
            CREATE POLICY nothing ON sqlml.deployment FOR SELECT USING (model <> 'buyer');
        """)
    assert reader.execute("SELECT count(*) FROM sqlml.deployment").fetchone() == (0,)
    assert reader.execute("SELECT count(*) FROM sqlml.address WHERE address = 'buyer'").fetchone() == (0,)
    assert reader.execute("SELECT count(*) FROM sqlml.live_at('buyer', now()::timestamp)").fetchone() == (0,)


def test_a_granted_model_is_scored_in_every_version_and_no_other(as_role, trained):
    analyst = as_role()
    name = analyst.execute("SELECT current_user").fetchone()[0]
    with psycopg.connect(trained, autocommit=True) as admin, opened(trained) as engine:
        assert outcome(analyst, SCORING["predict"]) == "denied"
        admin.execute("CALL sqlml.grant_model('buyer', %s)", [name])
        for verb in ("predict", "predict a version", "predict compiled", "predict json"):
            assert outcome(analyst, SCORING[verb]) == "let in"
        assert verify(engine) == []
        admin.execute("CALL sqlml.train('other', 'visit', 'bought', features => '[\"age\"]', deploy => 'always')")
        admin.execute("CALL sqlml.train('buyer', 'visit', 'bought', algorithm => 'linear', deploy => 'always')")
        assert outcome(analyst, "SELECT sqlml.predict('buyer@3', v) FROM visit AS v") == "let in"
        assert outcome(analyst, SCORING["predict"]) == "let in"
        assert outcome(analyst, "SELECT sqlml.predict('other', v) FROM visit AS v") == "denied"
        assert outcome(analyst, "SELECT sqlml.predict_other(v) FROM visit AS v") == "denied"
        assert verify(engine) == []
        assert install(engine, repair=True) == []
        admin.execute("CALL sqlml.revoke_model('buyer', %s)", [name])
        for verb in ("predict", "predict a version", "predict compiled"):
            assert outcome(analyst, SCORING[verb]) == "denied"
        assert verify(engine) == []


def test_a_grant_waits_for_what_goes_live_and_says_so_where_it_may_not_wait(as_role, trained):
    deployer, role = as_role("sqlml_deployer"), as_role().execute("SELECT current_user").fetchone()[0]
    grant, revoke = (f"CALL sqlml.{verb}_model('buyer', '{role}')" for verb in ("grant", "revoke"))
    with ThreadPoolExecutor() as beside, psycopg.connect(trained) as going_live:
        going_live.execute("CALL sqlml.train('other', 'visit', 'bought', algorithm => 'linear', deploy => 'always')")
        deployer.execute("SET lock_timeout = '100ms'")
        for call in (grant, revoke):
            with pytest.raises(psycopg.Error, match=r"lock timeout\. Another job wrote the same rows") as refused:
                deployer.execute(call)
            assert refused.value.sqlstate == "ML061"
        deployer.execute("SET lock_timeout = 0")
        granted = beside.submit(deployer.execute, grant)
        wait_until_locked(trained)
        going_live.commit()
        granted.result(timeout=30)
    may = "SELECT has_function_privilege(%s, 'sqlml.predict(text, anyelement)', 'EXECUTE')"
    with psycopg.connect(trained) as admin:
        assert admin.execute(may, [role]).fetchone() == (True,)
        assert admin.execute("SELECT model, role FROM sqlml.granted_model").fetchall() == [("buyer", role)]


def wait_until_locked(url):
    """Wait until a session waits for a lock that another one holds."""
    deadline = time.monotonic() + 10
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with psycopg.connect(url, autocommit=True) as admin:
        while admin.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_under_policies_of_the_owner_all_that_is_seen_works_and_nothing_is_overwritten(as_role, trained):
    trainer = as_role("sqlml_trainer", "sqlml_deployer")
    with psycopg.connect(trained, autocommit=True) as admin:
        admin.execute("CALL sqlml.train('hidden', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
        about_models = """
            SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'sqlml'::regnamespace AND relkind = 'r' AND attname = 'model'
        """
        for (table,) in admin.execute(about_models).fetchall():
            admin.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            admin.execute(f"CREATE POLICY of_buyer ON {table} FOR SELECT USING (model = 'buyer')")
    train = "CALL sqlml.train('{}', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear')"
    assert trainer.execute(train.format("buyer")).fetchone()[:2] == ("buyer", 3)
    trainer.execute("CALL sqlml.deploy('buyer', 3)")
    trainer.execute("CALL sqlml.score('buyer', 'visit', 'kept', 'visit_id')")
    trainer.execute("CALL sqlml.record_truth('buyer', 'visit', 'visit_id', 'bought')")
    trainer.execute("CALL sqlml.monitor('buyer')")
    assert trainer.execute("SELECT DISTINCT model FROM sqlml.model_version").fetchall() == [("buyer",)]
    with pytest.raises(psycopg.Error, match="'hidden' is taken, by a model that you may not see; use another name"):
        trainer.execute(train.format("hidden"))
    with pytest.raises(psycopg.Error, match="there is no model 'hidden'; known are: buyer"):
        trainer.execute("CALL sqlml.deploy('hidden', 1)")
    # Who may score is said by grants, not by policies; and what answers for all models still knows them all.
    assert trainer.execute("SELECT count(sqlml.predict('hidden', v)) FROM visit AS v").fetchone() == (100,)
    with opened(trained) as engine:
        assert verify(engine) == []
        assert install(engine, repair=True) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("grant_model('buyr', 'pg_monitor')", "there is no model 'buyr'; closest: buyer; known are: buyer"),
        ("grant_model('buyer', 'nobody')", "role => 'nobody' is no role of this server"),
        ("grant_model('buyer', 'public')", "role => 'public' is no role of this server"),
        ("grant_model('buyer', 'x; DROP ROLE sqlml_owner')", "role => 'x; DROP ROLE sqlml_owner' is no role"),
        ("grant_model('buyer', 'sqlml_reader')", "has its rights from sqlml itself"),
        ("grant_model('buyer', NULL)", "role => NULL is no role"),
        ("revoke_model('buyer', 'pg_monitor')", "model => 'buyer' is not granted to role 'pg_monitor'"),
    ],
)
def test_what_cannot_be_granted(trained, call, said):
    with psycopg.connect(trained, autocommit=True) as admin, pytest.raises(psycopg.Error) as raised:
        admin.execute(f"CALL sqlml.{call}")
    assert said in str(raised.value)
    assert raised.value.sqlstate.startswith("ML0")
