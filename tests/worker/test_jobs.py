"""Jobs that are waited for and followed: their answers, their errors, and who may see and do what."""

import time

import psycopg
import pytest
from shop import ANN, AUDITOR, BEN, CY, SUITE, WORKER, called

CALL = f"""CALL sqlml."check"('payment', '{SUITE}')"""
PATH = "SET search_path = shop"


def drain_when_asked(shop):
    while not shop.rows(None, "SELECT 1 FROM sqlml.job WHERE status = 'queued'"):
        time.sleep(0.01)
    return shop.drain()


def test_a_call_waits_and_gives_the_row_of_the_procedure(shop):
    with called(shop, ANN, PATH, CALL) as answer:
        assert drain_when_asked(shop) == 0
    ((run_id, passed, warned, failed, skipped),) = answer
    assert (passed, warned, failed, skipped) == (1, 0, 0, 0)
    assert shop.job(run_id, "status", "attempts", "deaths", "asked_by", "search_path") == (
        "succeeded",
        1,
        0,
        ANN,
        "shop",
    )
    assert shop.rows(None, "SELECT run_id, kind, status, actor FROM sqlml.run") == [(run_id, "check", "succeeded", ANN)]


def test_a_run_is_followed(shop):
    run_id = shop.ask(ANN)
    assert shop.rows(ANN, "SELECT run_id, verb, status, ended_at FROM sqlml.job") == [(run_id, "check", "queued", None)]
    assert shop.drain() == 0
    answer = {"run_id": run_id, "passed": 1, "warned": 0, "failed": 0, "skipped": 0}
    assert shop.rows(ANN, "SELECT status, answer, ended_at > asked_at FROM sqlml.job") == [("succeeded", answer, True)]
    assert shop.rows(ANN, f"CALL sqlml.wait_for('{run_id}')") == [(answer,)]


def test_nothing_is_left_in_the_queue(shop):
    shop.ask(ANN)
    shop.ask(ANN, "nowhere")
    assert shop.drain() == 3
    assert shop.rows(None, "SELECT count(*) FROM sqlml_queue.procrastinate_jobs") == [(0,)]
    assert shop.rows(None, "SELECT count(*) FROM sqlml_queue.procrastinate_workers") == [(0,)]


def test_an_error_of_the_worker_is_raised_with_its_code_and_text(shop):
    wrong = """CALL sqlml."check"('payment', '[{"check": "not_null", "column": "ammount"}]')"""
    with called(shop, ANN, PATH, wrong) as error:
        assert drain_when_asked(shop) == 3
    assert error[0].sqlstate == "ML001"
    assert "ammount" in error[0].diag.message_primary
    assert "amount" in error[0].diag.message_primary.replace("ammount", "")
    assert not error[0].diag.message_primary.startswith("ML")
    assert shop.rows(None, "SELECT count(*) FROM sqlml.run") == [(0,)]


def test_a_caller_reads_with_its_own_rights(shop):
    run_id = shop.ask(BEN)
    assert shop.drain() == 3
    status, code, error = shop.job(run_id)
    assert (status, code) == ("failed", "ML003")
    assert "permission denied for schema shop" in error
    shop.rows(ANN, f"GRANT USAGE ON SCHEMA shop TO {BEN}", f"GRANT SELECT ON shop.payment TO {BEN}")
    again = shop.ask(BEN)
    assert shop.drain() == 0
    assert shop.job(again, "status", "asked_by") == ("succeeded", BEN)


def test_the_worker_acts_only_for_whom_it_was_granted(shop):
    run_id = shop.ask(CY)
    assert shop.drain() == 3
    status, code, error = shop.job(run_id)
    assert (status, code) == ("failed", "ML080")
    assert error == f"the worker runs as {WORKER}, which may not act as {CY}: GRANT {CY} TO {WORKER}, and ask again"


def test_a_superuser_is_told_to_ask_as_somebody_else(shop):
    run_id = shop.ask("postgres")
    assert shop.drain() == 3
    assert "is a superuser, for whom no worker should act" in shop.job(run_id)[2]


def test_a_role_that_is_gone_is_not_taken_for_a_later_one(shop):
    role = "sqlml_shop_passing"
    make = f"CREATE ROLE {role} LOGIN; GRANT sqlml_trainer TO {role}; GRANT {role} TO {WORKER}"
    shop.rows(None, make)
    run_id = shop.ask(role)
    try:
        shop.rows(None, f"DROP ROLE {role}; {make}")
        assert shop.drain() == 3
    finally:
        shop.rows(None, f"DROP ROLE {role}")
    assert "is not there any more" in shop.job(run_id)[2]


def test_what_a_role_may_not_call_it_cannot_ask_for(shop):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission denied for sqlml\.deploy"):
        shop.ask(ANN, verb="deploy", model="m", version=1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.ask(AUDITOR)
    run_id = shop.ask(ANN)
    shop.rows(None, f"REVOKE sqlml_trainer FROM {ANN}")
    try:
        assert shop.drain() == 3
    finally:
        shop.rows(None, f"GRANT sqlml_trainer TO {ANN}")
    assert shop.job(run_id)[2] == f'{ANN} may not call sqlml."check": permission denied'


@pytest.mark.parametrize("column", ["asked_by", "asked_by_oid", "status", "run_id", "search_path"])
def test_nobody_can_say_who_asks(shop, column):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.rows(ANN, f"INSERT INTO sqlml.job (verb, arguments, {column}) VALUES ('check', '{{}}', DEFAULT)")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sqlml.job SET asked_by = current_user",
        "DELETE FROM sqlml.job",
        "SELECT sqlml.finish_job('a', 1, '{}')",
        "SELECT sqlml.fail_job('a', 1, 'ML000', 'b')",
        "SELECT sqlml.give_back_job('a', 1)",
        "SELECT * FROM sqlml.take_job('a', 'b', 1)",
        "SELECT sqlml.requeue_stalled(0)",
        "SELECT sqlml.defer_job('a')",
        "SELECT sqlml.queue_job()",
        "SELECT * FROM sqlml_queue.procrastinate_jobs",
        "SELECT sqlml_queue.procrastinate_finish_job_v1(1, 'failed', true)",
        "CREATE TABLE sqlml_queue.mine (x int)",
    ],
)
def test_nobody_but_the_worker_changes_a_job(shop, statement):
    shop.ask(ANN)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
        shop.rows(ANN, statement)


def test_a_function_of_another_asks_as_that_other(shop):
    """What runs with the rights of its owner, asks in the name of its owner."""
    shop.rows(
        ANN,
        "CREATE FUNCTION shop.ask() RETURNS void LANGUAGE sql SECURITY DEFINER AS "
        "$$ INSERT INTO sqlml.job (verb, arguments) VALUES ('check', '{}') $$",
        f"GRANT USAGE ON SCHEMA shop TO {BEN}",
    )
    shop.rows(BEN, "SELECT shop.ask()")
    assert shop.rows(None, "SELECT asked_by FROM sqlml.job") == [(ANN,)]


def test_jobs_are_seen_by_who_asked_and_by_auditors(shop):
    asked = {shop.ask(ANN), shop.ask(ANN), shop.ask(BEN)}
    seen = {
        user: {run for (run,) in shop.rows(user, "SELECT run_id FROM sqlml.job")} for user in (ANN, BEN, CY, AUDITOR)
    }
    assert seen[AUDITOR] == asked
    assert len(seen[ANN]) == 2
    assert seen[BEN] == asked - seen[ANN]
    assert seen[CY] == set()
    (not_his,) = list(seen[BEN])
    with pytest.raises(psycopg.Error, match="is no job of yours") as error:
        shop.rows(ANN, f"CALL sqlml.wait_for('{not_his}')")
    assert error.value.sqlstate == "ML001"


@pytest.mark.parametrize("begin", [["BEGIN"], ["BEGIN; SELECT 1", "SAVEPOINT a"], []])
def test_inside_a_transaction_it_is_told_what_to_do(shop, begin):
    with pytest.raises(psycopg.Error) as error:
        shop.rows(ANN, *begin, CALL if begin else f"SELECT 1; {CALL}")
    assert error.value.sqlstate == "ML050"
    assert "wait => false" in error.value.diag.message_primary
    assert shop.rows(None, "SELECT count(*) FROM sqlml.job") == [(0,)]


@pytest.mark.parametrize(
    ("clause", "body"),
    [
        ("SET search_path = shop", "CALL sqlml.wait_for('a', answer);"),
        ("", "EXECUTE 'CALL sqlml.wait_for(''a'')' INTO answer;"),
        ("", "CALL sqlml.wait_for('a', answer); EXCEPTION WHEN division_by_zero THEN NULL;"),
    ],
)
def test_what_keeps_a_procedure_from_waiting_is_named(shop, clause, body):
    create = (
        f"CREATE PROCEDURE pg_temp.wait() LANGUAGE plpgsql {clause} AS $$ DECLARE answer jsonb; BEGIN {body} END $$"
    )
    with pytest.raises(psycopg.Error) as error:
        shop.rows(ANN, create, "CALL pg_temp.wait()")
    assert error.value.sqlstate == "ML050"
    assert "EXECUTE, a block with EXCEPTION, and a procedure with a SET clause" in error.value.diag.message_primary


@pytest.mark.parametrize("wait", ["true", "NULL"])
def test_a_procedure_of_ones_own_waits(shop, wait):
    check = f"jsonb_build_object('relation', 'shop.payment', 'suite', '{SUITE}')"
    create = f"""
        CREATE PROCEDURE pg_temp.ask(INOUT answer jsonb DEFAULT NULL) LANGUAGE plpgsql AS $$
        BEGIN
          CALL sqlml.run_verb('check', {check}, NULL, answer, {wait});
        END
        $$
    """
    with called(shop, ANN, create, "CALL pg_temp.ask()") as answer:
        assert drain_when_asked(shop) == 0
    assert answer[0][0]["passed"] == 1


def test_inside_a_transaction_a_job_is_asked_for_when_that_commits(shop):
    call = "CALL sqlml.run_verb('check', '{}', 'worker', NULL, wait => false)"
    shop.rows(ANN, "BEGIN", call, "ROLLBACK")
    assert shop.rows(None, "SELECT count(*) FROM sqlml.job") == [(0,)]
    shop.rows(ANN, "BEGIN", call, "COMMIT")
    assert shop.rows(None, "SELECT status FROM sqlml.job") == [("queued",)]


def test_a_statement_that_gives_up_leaves_the_job(shop):
    with pytest.raises(psycopg.errors.QueryCanceled) as error:
        shop.rows(ANN, PATH, "SET statement_timeout = '200ms'", CALL)
    ((run_id,),) = shop.rows(ANN, "SELECT run_id FROM sqlml.job")
    assert f"run {run_id} goes on in the worker. Follow it: SELECT * FROM sqlml.job" in error.value.diag.message_primary
    assert shop.drain() == 0
    assert shop.job(run_id, "status") == ("succeeded",)


def test_a_runtime_that_is_none_is_refused(shop):
    with pytest.raises(
        psycopg.Error, match="runtime => 'outside' is unknown; known are: auto, inline, worker"
    ) as error:
        shop.rows(ANN, "CALL sqlml.run_verb('check', '{}', 'outside', NULL)")
    assert error.value.sqlstate == "ML001"


def test_without_python_in_the_server_inline_says_so(shop):
    with pytest.raises(psycopg.Error, match="PL/Python") as error:
        shop.rows(ANN, "CALL sqlml.run_verb('check', '{}', 'inline', NULL)")
    assert error.value.sqlstate == "ML070"


TRAIN = """
CALL sqlml.train('{}', 'shop.payment', 'refunded', key_column => 'payment_id', algorithm => 'linear', {} => {})
"""


def versions(shop, model):
    return shop.rows(None, f"SELECT version, run_id, created_by FROM sqlml.model_version WHERE model = '{model}'")


def test_a_model_is_trained_deployed_and_scored(shop):
    with called(shop, ANN, TRAIN.format("late", "runtime", "'worker'")) as answer:
        assert drain_when_asked(shop) == 0
    (model, version, _, algorithm, metric, *_, run_id, _) = answer[0]
    assert (model, version, algorithm, metric) == ("late", 1, "linear", "roc_auc")
    assert versions(shop, "late") == [(1, run_id, ANN)]
    with called(shop, ANN, "CALL sqlml.score('late@1', 'shop.payment', 'shop.scored', 'payment_id')") as answer:
        assert drain_when_asked(shop) == 0
    assert answer[0][1:] == (400, 1)
    assert shop.rows(ANN, "SELECT count(*) FROM shop.scored") == [(400,)]
    assert shop.rows(None, "SELECT tableowner FROM pg_tables WHERE tablename = 'scored'") == [(ANN,)]


def test_a_model_is_asked_for_and_followed(shop):
    (answer,) = shop.rows(ANN, TRAIN.format("later", "wait", "false"))
    run_id = answer[-2]
    assert (answer[0], answer[1]) == ("later", None)
    assert answer[-1] == f"queued for the worker; follow it: SELECT * FROM sqlml.job WHERE run_id = '{run_id}'"
    assert shop.drain() == 0
    ((found,),) = shop.rows(ANN, f"CALL sqlml.wait_for('{run_id}')")
    assert (found["model"], found["version"], found["run_id"]) == ("later", 1, run_id)
    assert versions(shop, "later") == [(1, run_id, ANN)]
