"""Jobs that meet what may be gone the next time, such as a lost connection: they are tried again, not for ever."""

import time

import pytest
from shop import ANN, WORKER

from sqlml.engine.postgres.client import opened
from sqlml.engine.postgres.confined import connected

ATTEMPT = "(SELECT attempts FROM sqlml.job WHERE status = 'running')"


@pytest.fixture
def clash(shop):
    """A relation of ann's that fails as one of two jobs does, in so many attempts."""
    shop.rows(
        ANN,
        f"""CREATE FUNCTION shop.clash(times integer, state text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
          IF {ATTEMPT} <= times THEN
            RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'two jobs met';
          END IF;
          RETURN 1;
        END $$""",
    )
    yield lambda times, state: f"SELECT shop.clash({times}, '{state}') AS amount"
    shop.rows(ANN, "DROP FUNCTION shop.clash")


@pytest.fixture
def cut(shop):
    """A relation that ends the session of whoever reads it, in so many attempts."""
    shop.rows(
        None,
        f"""CREATE FUNCTION shop.cut(times integer) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$
          SELECT CASE WHEN {ATTEMPT} <= times THEN pg_terminate_backend(pg_backend_pid()) END $$""",
    )
    yield lambda times: f"SELECT 1 AS amount, shop.cut({times}) AS gone"
    shop.rows(None, "DROP FUNCTION shop.cut")


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
def test_a_job_that_another_one_was_in_the_way_of_is_done_again(shop, clash, state):
    run_id = shop.ask(ANN, clash(2, state))
    assert shop.drain() == 0
    assert shop.job(run_id, "status", "attempts", "retries", "deaths") == ("succeeded", 3, 2, 0)


def test_nor_does_a_check_take_that_for_a_bad_value(shop, clash):
    shop.rows(ANN, f"CREATE VIEW shop.met AS {clash(1, '40P01')}")
    try:
        run_id = shop.ask(ANN, "shop.met")
        assert shop.drain() == 0
    finally:
        shop.rows(ANN, "DROP VIEW shop.met")
    status, answer, attempts = shop.job(run_id, "status", "answer", "attempts")
    assert (status, answer["passed"], answer["failed"], attempts) == ("succeeded", 1, 0, 2)


def test_after_five_attempts_it_has_failed(shop, clash):
    run_id = shop.ask(ANN, clash(99, "40P01"))
    assert shop.drain() == 3
    assert shop.job(run_id, "status", "attempts", "retries", "error_code") == ("failed", 5, 5, "ML061")
    error = shop.job(run_id, "error")[0]
    assert "could not be checked: two jobs met. " in error
    assert error.endswith("run it again. That was so in 5 attempts")
    assert shop.rows(None, "SELECT count(*) FROM sqlml_queue.procrastinate_jobs") == [(0,)]


def test_a_job_whose_connection_is_lost_is_done_again_and_not_for_ever(shop, cut):
    once, always = shop.ask(ANN, cut(2)), shop.ask(ANN, cut(99))
    assert shop.drain() == 3
    assert shop.job(once, "status", "attempts", "retries", "deaths") == ("succeeded", 3, 2, 0)
    assert shop.job(always, "status", "attempts", "retries", "error_code") == ("failed", 5, 5, "ML060")
    assert shop.job(always, "error")[0].endswith("That was so in 5 attempts")


@pytest.mark.parametrize("how", [connected, opened])
def test_a_connection_outlives_silence(shop, how):
    settings = ("idle_session_timeout", "idle_in_transaction_session_timeout")
    for name in settings:
        shop.rows(None, f"ALTER ROLE {WORKER} SET {name} = '100ms'")
    try:
        with how(shop.url(WORKER)) as given:
            connection = given if how is connected else given._statements.connection
            time.sleep(0.3)
            connection.execute("BEGIN")
            time.sleep(0.3)
            connection.execute("COMMIT")
            parameters = connection.info.get_parameters()
    finally:
        for name in settings:
            shop.rows(None, f"ALTER ROLE {WORKER} RESET {name}")
    assert parameters["keepalives_idle"] == "30"
    assert parameters["tcp_user_timeout"] == "60000"
    assert parameters["connect_timeout"] == "10"


def test_a_worker_that_waits_outlives_silence_too(shop):
    shop.rows(None, f"ALTER ROLE {WORKER} SET idle_session_timeout = '200ms'")
    shop.rows(None, f"ALTER ROLE {WORKER} SET default_transaction_isolation = 'serializable'")
    try:
        with shop.worker() as worker:
            time.sleep(1.5)
            run_id = shop.ask(ANN)
            shop.wait(run_id, "succeeded")
    finally:
        for name in ("idle_session_timeout", "default_transaction_isolation"):
            shop.rows(None, f"ALTER ROLE {WORKER} RESET {name}")
    assert not [line for line in worker.lines if "lost" in line]


def test_the_url_goes_before_our_defaults(shop):
    with connected(f"{shop.url(WORKER)}&keepalives_idle=5&connect_timeout=7&tcp_user_timeout=0") as connection:
        parameters = connection.info.get_parameters()
    assert (parameters["keepalives_idle"], parameters["connect_timeout"]) == ("5", "7")
    assert (parameters["tcp_user_timeout"], parameters["keepalives_count"]) == ("0", "3")


def test_who_asked_is_written_by_name_where_the_database_is_copied_out(shop):
    """The number of a role is another role's in another cluster."""
    shop.ask(ANN)
    with (
        opened(shop.url(), owner=None) as engine,
        engine._statements.connection.cursor().copy("COPY sqlml.job (asked_by_oid) TO STDOUT") as copied,
    ):
        assert [bytes(row) for row in copied] == [f"{ANN}\n".encode()]
