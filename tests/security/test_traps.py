"""Code of an attacker's that a call runs has the rights of the caller, and the rights of sqlml are out of its reach."""

import json

import pytest
from attacked import Attacked
from postgres import name_of
from traps import ATTACKS, READ, TRAPS, WRITTEN

from sqlml.worker import Settings, serve

TRAIN = {"model": "trapped", "target": "bought", "algorithm": "baseline", "features": '["age"]', "deploy": "never"}
SOURCE = "SELECT * FROM public.visit WHERE visit_id <= 2"


@pytest.fixture(scope="module")
def attacked(postgres_server, _attacked_once):
    """The database with the traps in it, and a worker's login."""
    with postgres_server.database(_attacked_once) as url:
        attacked = Attacked(postgres_server, name_of(url))
        attacked.rows(None, TRAPS)
        attacked.rows(None, "GRANT sqlml_owner, atk_scorer, atk_trainer TO atk_worker")
        yield attacked
        attacked.close()


@pytest.fixture
def trap(attacked):
    """Fails where something was done that the caller may not do, or that nobody asked for."""
    attacked.rows(None, "TRUNCATE trap.seen")
    before = state_of(attacked)
    yield attacked
    after = state_of(attacked)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()


def state_of(attacked):
    state = attacked.state("deployment", "model_grant", "migration", but="trapped")
    return {name: each for name, each in state.items() if not name.startswith("relation trap.")}


def inline(attacked, login, verb, arguments):
    """Call a verb in the server; gives its error, where it ends with one."""
    return attacked.outcome(login, "CALL sqlml.run_verb(%s, %s, 'inline', NULL)", [verb, json.dumps(arguments)])


def by_worker(attacked, login, verb, arguments):
    """Let a worker do it, whose login may do much more than the caller."""
    ask = "CALL sqlml.run_verb(%s, %s, 'worker', NULL, wait => false)"
    ((answer,),) = attacked.rows(login, ask, [verb, json.dumps(arguments)])
    serve(Settings(attacked.url("atk_worker"), drain=True))
    job = "SELECT status, error_code, error FROM sqlml.job WHERE run_id = %s"
    ((status, code, error),) = attacked.rows(None, job, [answer["run_id"]])
    assert status in ("succeeded", "failed")
    return (code, error) if status == "failed" else None


HOW = pytest.mark.parametrize("call", [inline, by_worker], ids=["inline", "worker"])


def denied(attacked, caller):
    """Check that whatever the code has tried was tried as the caller, and denied; gives how often it has run."""
    seen = attacked.rows(None, "SELECT DISTINCT who, attack, outcome FROM trap.seen")
    assert [each for each in seen if each[2] == "done"] == []
    assert {who for who, *_ in seen} <= {caller}
    return len(seen) / len(ATTACKS)


@HOW
@pytest.mark.parametrize("place", READ)
def test_code_in_what_a_trainer_reads(trap, place, call):
    error = call(trap, "atk_trainer", "train", TRAIN | {"relation": READ[place]})
    assert error is None
    assert denied(trap, "atk_trainer") >= 1


@HOW
@pytest.mark.parametrize("place", WRITTEN)
def test_code_in_what_a_trainer_scores_into(trap, place, call):
    arguments = {"model": "buyer", "relation": SOURCE, "into": f"trap.{place}", "key_column": "visit_id"}
    error = call(trap, "atk_trainer", "score", arguments)
    if (call, place) == (by_worker, "put_off"):
        assert "trigger fire of table trap.put_off is deferrable" in error[1]
    else:
        assert error is None
        assert denied(trap, "atk_trainer") >= 1
    trap.rows(None, f"DELETE FROM trap.{place.replace('partitioned', 'before')}")


@HOW
def test_code_in_a_cast_of_the_key_of_the_truth(trap, call):
    arguments = {"model": "buyer", "relation": "trap.keyed", "key_column": "key", "truth_column": "bought"}
    assert call(trap, "atk_trainer", "record_truth", arguments) is None
    assert denied(trap, "atk_trainer") >= 1


@HOW
def test_code_in_what_is_checked(trap, call):
    suite = '[{"check": "not_null", "column": "more"}]'
    assert call(trap, "atk_trainer", "check", {"relation": "trap.seemly", "suite": suite}) is None
    assert denied(trap, "atk_trainer") >= 1


@pytest.mark.parametrize("reader", ["atk_reader", "atk_auditor", "atk_approver"])
def test_code_in_what_a_reader_evaluates(trap, reader):
    assert inline(trap, reader, "evaluate", {"model": "buyer", "relation": "trap.seemly"}) is None
    assert denied(trap, reader) >= 1


MONITORED = {
    "a view": "DROP TABLE {table}; CREATE VIEW {table} AS SELECT *, trap.attack() AS more FROM trap.before",
    "an index": "CREATE INDEX ON {table} ((trap.of(1)))",
    "a policy": "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON {table} USING (trap.attack() = 1)",
    "a policy that runs SQL": "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; "
    "CREATE POLICY p ON {table} USING (query_to_xml('SELECT trap.attack()', true, true, '') IS NOT NULL)",
    "a constraint": "ALTER TABLE {table} ADD CHECK (trap.of(1))",
    "a type": "ALTER TABLE {table} ALTER label TYPE trap.key USING '1'",
    "a child": "CREATE TABLE trap.child () INHERITS ({table}); CREATE INDEX ON trap.child ((trap.of(1)))",
}


@pytest.mark.parametrize("place", MONITORED)
def test_a_prediction_table_that_a_scorer_has_made_a_trap_is_not_monitored(trap, place):
    """The one who monitors has not named the table: the scorer has put it into the metadata."""
    score = "CALL sqlml.score('plans', 'SELECT visit_id, age FROM visit', 'trap.baited', 'visit_id')"
    trap.rows("atk_scorer", score)
    trap.rows("atk_scorer", "ALTER TABLE trap.baited SET (autovacuum_enabled = off)")
    trap.rows("atk_scorer", "GRANT SELECT ON trap.baited TO atk_trainer")
    trap.rows("atk_scorer", MONITORED[place].format(table="trap.baited"))
    trap.rows("atk_scorer", "GRANT SELECT ON trap.baited TO atk_trainer")
    trap.rows(None, "TRUNCATE trap.seen")
    refused = {login: inline(trap, login, "monitor", {"model": "plans"}) for login in ("atk_trainer", None)}
    refused["worker"] = by_worker(trap, "atk_trainer", "monitor", {"model": "plans"})
    trap.rows("atk_scorer", "DROP TABLE IF EXISTS trap.child")
    trap.rows("atk_scorer", f"DROP {'VIEW' if place == 'a view' else 'TABLE'} trap.baited")
    trap.rows(None, "DELETE FROM sqlml.prediction_table WHERE model = 'plans'")
    if "policy" in place:
        # A superuser is not held by policies, and so does not run them.
        assert refused.pop(None) is None
    assert {error[0] for error in refused.values()} == {"ML021"}
    assert all("could run code with your rights" in error[1] for error in refused.values())
    assert denied(trap, "nobody") == 0


def test_a_plain_table_of_somebody_else_is_monitored(trap):
    score = "CALL sqlml.score('plans', 'SELECT visit_id, age FROM visit', 'trap.baited', 'visit_id')"
    trap.rows("atk_scorer", score)
    trap.rows(
        "atk_scorer",
        """
        ALTER TABLE trap.baited ADD PRIMARY KEY (visit_id);
        CREATE INDEX ON trap.baited (lower(label));
        ALTER TABLE trap.baited ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON trap.baited USING (role <> current_setting('application_name') OR current_user = 'x');
        GRANT SELECT ON trap.baited TO atk_trainer
    """,
    )
    found = [inline(trap, login, "monitor", {"model": "plans"}) for login in ("atk_trainer", None)]
    trap.rows("atk_scorer", "DROP TABLE trap.baited")
    trap.rows(None, "DELETE FROM sqlml.prediction_table WHERE model = 'plans'")
    assert found == [None, None]


def test_no_token_is_seen_by_code_of_the_caller(trap):
    """What the caller's code can find out about the session while sqlml works in it opens nothing."""
    trap.rows(
        "atk_trainer",
        """
        CREATE FUNCTION atk_trainer.look() RETURNS integer LANGUAGE plpgsql AS $$
        DECLARE
          known text := (SELECT string_agg(query, ' ') FROM pg_stat_activity)
                     || coalesce((SELECT string_agg(statement, ' ') FROM pg_prepared_statements), '')
                     || coalesce((SELECT string_agg(statement, ' ') FROM pg_cursors), '') || current_query();
          token text;
          stack text;
        BEGIN
          GET DIAGNOSTICS stack = PG_CONTEXT;
          FOR token IN SELECT (regexp_matches(known || stack, '[0-9a-f]{32}', 'g'))[1] LOOP
            BEGIN
              PERFORM sqlml.as_owner(token);
              INSERT INTO trap.seen VALUES (current_user, 'token', 'done');
            EXCEPTION WHEN insufficient_privilege THEN NULL;
            END;
          END LOOP;
          INSERT INTO trap.seen VALUES (current_user, 'looked', 'and found nothing');
          RETURN 1;
        END $$
    """,
    )
    relation = "SELECT age, bought, atk_trainer.look() AS more FROM public.visit WHERE visit_id <= 21"
    assert inline(trap, "atk_trainer", "train", TRAIN | {"relation": relation}) is None
    trap.rows("atk_trainer", "DROP FUNCTION atk_trainer.look")
    assert denied(trap, "atk_trainer") > 0


def test_a_login_with_several_roles_puts_one_off_as_it_may_and_gets_no_other(trap):
    relation = "SELECT i AS age, i % 2 = 0 AS bought, trap.reset() AS more FROM generate_series(1, 21) AS given(i)"
    connection = trap.connection("atk_two")
    connection.execute("SET ROLE sqlml_trainer")
    try:
        error = inline(trap, "atk_two", "train", TRAIN | {"relation": relation})
    finally:
        connection.execute("RESET ROLE")
    seen = trap.rows(None, "SELECT DISTINCT who, outcome FROM trap.seen")
    assert error is None
    assert {who for who, _ in seen} == {"atk_two"}
    assert "done" not in {outcome for _, outcome in seen}
