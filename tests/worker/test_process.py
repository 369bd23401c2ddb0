"""Workers that are killed, stopped, doubled, and cut off from the database."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from postgres import name_of, newest_programs, running_server
from shop import ANN, STALLED_AFTER, WORKER, Shop, made_shop

SLOW = "SELECT 1 AS amount FROM pg_sleep({})"
SLOW_AT_FIRST = SLOW.format("(SELECT CASE attempts WHEN 1 THEN 30 ELSE 0 END FROM sqlml.job WHERE status = 'running')")


def test_a_killed_worker_leaves_nothing_and_its_job_is_taken_up(shop):
    run_id = shop.ask(ANN, SLOW_AT_FIRST)
    with shop.worker() as first:
        shop.wait(run_id, "running")
        time.sleep(0.2)
        first.end(signal.SIGKILL)
        assert shop.job(run_id, "status") == ("running",)
        assert shop.rows(None, "SELECT count(*) FROM sqlml.run") == [(0,)]
        with shop.worker() as second:
            assert shop.wait(run_id, "succeeded") < 10 * STALLED_AFTER
            assert second.end(signal.SIGTERM) == 0
    assert shop.job(run_id, "attempts", "deaths") == (2, 1)
    assert shop.rows(None, "SELECT run_id FROM sqlml.run") == [(run_id,)]


def test_a_job_that_ends_its_worker_three_times_fails(shop):
    run_id = shop.ask(ANN)
    for number in range(3):
        shop.rows(WORKER, "SET ROLE sqlml_owner", f"SELECT * FROM sqlml.take_job('{run_id}', 'gone', {-number})")
    assert shop.drain() == 3
    status, code, error = shop.job(run_id)
    assert (status, code) == ("failed", "ML080")
    assert "its worker was gone before the end 3 times" in error


def test_no_attempt_ends_a_job_that_another_one_has_taken_over(shop):
    run_id = shop.ask(ANN)
    as_owner = "SET ROLE sqlml_owner"
    for number in (-1, -2):
        shop.rows(WORKER, as_owner, f"SELECT * FROM sqlml.take_job('{run_id}', 'slow', {number})")
    with pytest.raises(Exception, match=r"attempt 1 at run .* was given up: another worker took the job over"):
        shop.rows(WORKER, as_owner, f"SELECT sqlml.finish_job('{run_id}', 1, '{{}}')")
    shop.rows(WORKER, as_owner, f"SELECT sqlml.fail_job('{run_id}', 1, 'ML000', 'too late')")
    assert shop.job(run_id, "status", "attempts") == ("running", 2)
    shop.rows(WORKER, as_owner, f"SELECT sqlml.finish_job('{run_id}', 2, '{{}}')")
    assert shop.job(run_id, "status") == ("succeeded",)
    assert shop.drain() == 0
    assert shop.job(run_id, "attempts") == (2,)


def test_a_job_that_the_queue_has_lost_is_put_back(shop):
    run_id = shop.ask(ANN)
    shop.rows(None, "SET search_path = sqlml_queue", "DELETE FROM sqlml_queue.procrastinate_jobs")
    assert shop.drain() == 0
    assert shop.job(run_id, "status", "attempts") == ("succeeded", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_ends_its_job_first(shop, number):
    run_id = shop.ask(ANN, SLOW.format(0.4))
    with shop.worker() as worker:
        shop.wait(run_id, "running")
        assert worker.end(number) == 0
    assert shop.job(run_id, "status", "attempts") == ("succeeded", 1)
    told, succeeded, stopped = (line.partition(" ")[2].strip() for line in worker.lines[-3:])
    assert told == "told to stop: taking no more jobs, with 20 s for 1 jobs under way"
    assert "succeeded after" in succeeded
    assert stopped == "stopped"


@pytest.mark.parametrize("how", ["grace", "twice"])
def test_what_is_not_done_in_time_goes_back_into_the_queue(shop, how):
    run_id = shop.ask(ANN, SLOW.format(20))
    with shop.worker(*(["--grace", "0.2"] if how == "grace" else [])) as worker:
        shop.wait(run_id, "running")
        if how == "twice":
            worker.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        began = time.monotonic()
        assert worker.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 3
    assert shop.job(run_id, "status", "attempts", "deaths") == ("queued", 1, 0)
    assert shop.rows(None, "SELECT status FROM sqlml_queue.procrastinate_jobs") == [("todo",)]
    assert any("goes back into the queue" in line for line in worker.lines)


def test_two_workers_do_each_job_once(shop):
    asked = {shop.ask(ANN) for _ in range(20)}
    with shop.worker("--drain", "--concurrency", "2") as one, shop.worker("--drain") as other:
        assert (one.process.wait(20), other.process.wait(20)) == (0, 0)
    assert shop.rows(None, "SELECT DISTINCT status, attempts, deaths FROM sqlml.job") == [("succeeded", 1, 0)]
    assert {run for (run,) in shop.rows(None, "SELECT run_id FROM sqlml.run")} == asked
    done = [sum("succeeded" in line for line in worker.lines) for worker in (one, other)]
    assert sum(done) == 20
    assert all(done)


def test_a_worker_that_is_cut_off_connects_again(shop):
    run_id = shop.ask(ANN, SLOW_AT_FIRST)
    with shop.worker() as worker:
        shop.wait(run_id, "running")
        its = f"usename = '{WORKER}' AND datname = current_database()"
        cut = shop.rows(None, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {its}")
        assert cut[0][0] >= 2
        shop.wait(run_id, "succeeded")
        assert worker.end(signal.SIGTERM) == 0
    assert shop.job(run_id, "attempts", "deaths") == (2, 0)


def test_a_worker_outlives_a_restart_of_the_server(monkeypatch):
    monkeypatch.delenv("SQLML_TEST_POSTGRES", raising=False)
    with (
        running_server() as server,
        restarting(server) as restart,
        made_shop(server) as shop,
        shop.worker() as worker,
    ):
        first = shop.ask(ANN)
        shop.wait(first, "succeeded")
        under_way = shop.ask(ANN, SLOW_AT_FIRST)
        shop.wait(under_way, "running")
        restart()
        shop.wait(under_way, "succeeded", seconds=25)
        assert worker.end(signal.SIGTERM) == 0
        assert shop.job(under_way, "attempts", "deaths") == (2, 0)


@contextmanager
def restarting(server):
    """What restarts a server of our own, which is found by the folder of its socket; it is stopped at the end."""
    folder = Path(parse_qs(urlsplit(server.url).query)["host"][0])
    options = {"user": folder.owner()} if os.getuid() == 0 else {}
    options |= {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    control = [newest_programs() / "pg_ctl", "-s", "-w", "-m", "fast", "-D", folder / "data"]
    yield lambda: subprocess.run([*control, "restart"], **options)
    subprocess.run([*control, "stop"], **options)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("postgres", "ML080 the worker logs in as postgres, a superuser, and needs less: CREATE ROLE"),
        (ANN, f"ML080 the worker logs in as {ANN}, which may not write down what it does: GRANT sqlml_owner TO {ANN}"),
        ("nobody_of_that_name", "ML060 connection failed"),
    ],
)
def test_a_login_that_cannot_work_is_told_why(shop, user, said):
    with shop.worker("--drain", user=user) as worker:
        assert worker.process.wait(20) == 1
    assert len(worker.lines) == 1
    assert worker.lines[0].startswith(said)


def test_a_database_without_sqlml_is_told_of(postgres_server):
    with postgres_server.database() as url:
        shop = Shop(postgres_server, name_of(url))
        shop.rows(None, "CREATE ROLE sqlml_shop_lonely LOGIN")
        try:
            with shop.worker(user="sqlml_shop_lonely") as worker:
                assert worker.process.wait(20) == 1
        finally:
            shop.rows(None, "DROP ROLE sqlml_shop_lonely")
    assert worker.lines[0].startswith("ML070")
    assert "sqlml install" in worker.lines[0]


def test_training_that_is_killed_leaves_no_half_model(shop):
    run_id = shop.ask(ANN, verb="train", model="latest", target="refunded", hyperparams='{"n_estimators": 30}')
    models = "SELECT version, run_id FROM sqlml.model_version WHERE model = 'latest'"
    for seconds in (0.1, 0.8):
        with shop.worker() as worker:
            shop.wait(run_id, "running", "succeeded")
            time.sleep(seconds)
            worker.end(signal.SIGKILL)
        # In one statement: the server may be committing still.
        whole = f"SELECT (SELECT count(*) FROM ({models}) AS m) = count(*) FROM sqlml.job WHERE status = 'succeeded'"
        assert shop.rows(None, whole) == [(True,)]
        shop.rows(None, "UPDATE sqlml_queue.procrastinate_workers SET last_heartbeat = 'epoch'")
    assert shop.drain() == 0
    assert shop.rows(None, models) == [(1, run_id)]
    assert shop.rows(None, "SELECT count(*) FROM sqlml.run WHERE kind = 'train' AND model = 'latest'") == [(1,)]
