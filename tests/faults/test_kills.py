"""What is killed at any moment leaves nothing half done, and nothing that was acknowledged is lost.

Each round a session of PostgreSQL trains, deploys, scores or records truth, and its process gets SIGKILL after a random
time, upon which the server ends all sessions and recovers; or a worker does it, and the worker gets the signal.
``SQLML_KILLS`` says how many rounds there are.
"""

import json
import os
import random
import signal
import subprocess
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from postgres import name_of, running_server
from psycopg import sql

from sqlml.engine.postgres.client import opened
from sqlml.install import install, verify
from sqlml.worker import Settings, serve

ROUNDS = int(os.environ.get("SQLML_KILLS", "24"))
RANDOM = random.Random(20)
OPTIONS = "-c search_path=public,sqlml -c synchronous_commit=on"
VISIT = """CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, (i * 104729) % 1000 AS income,
       ((i * 7919) % 97 > 40) <> (i % 7 = 0) AS bought
FROM generate_series(1, 3000) AS g(i)"""
USERS = """
CREATE ROLE ann LOGIN IN ROLE sqlml_trainer, sqlml_deployer;
CREATE ROLE worker LOGIN NOINHERIT IN ROLE sqlml_owner, ann;
GRANT CREATE ON SCHEMA public TO ann;
"""
ARGUMENTS = {
    "train": {
        "model": "m",
        "relation": "visit",
        "target": "bought",
        "key_column": "visit_id",
        "algorithm": "linear",
        "features": '["age", "income"]',
        "deploy": "always",
    },
    "score": {"model": "m", "relation": "SELECT * FROM visit", "into": "prediction", "key_column": "visit_id"},
    "record_truth": {"model": "m", "key_column": "visit_id", "truth_column": "bought"},
}
TRUTH = "SELECT visit_id, (visit_id + {round}) % 2 = 0 AS bought FROM visit"
DEPLOY = "CALL sqlml.deploy('m', (SELECT 1 + {round} % max(version) FROM sqlml.model_version))"
WARM = "SELECT * FROM sqlml.evaluate('m', 'visit')"
ASK = "CALL sqlml.run_verb(%s, %s, 'worker', NULL, wait => false)"


def arguments(verb, number):
    """What a call is given in this round."""
    other = {"train": {"seed": number}, "record_truth": {"relation": TRUTH.format(round=number)}}
    return ARGUMENTS[verb] | other.get(verb, {})


def call(verb, number):
    """The statement that calls for it."""
    if verb == "deploy":
        return DEPLOY.format(round=number)
    given = [sql.SQL("{} => {}").format(sql.Identifier(name), value) for name, value in arguments(verb, number).items()]
    return sql.SQL("CALL sqlml.{}({})").format(sql.Identifier(verb), sql.SQL(", ").join(given)).as_string()


@dataclass(frozen=True)
class Served:
    """The URLs of a database for its superuser, for Ann, who calls, and for the worker."""

    admin: str
    ann: str
    worker: str


@pytest.fixture(scope="module")
def server():
    """A server of our own, as a killed session ends all others; what it acknowledges it has written."""
    patch = pytest.MonkeyPatch()
    patch.delenv("SQLML_TEST_POSTGRES", raising=False)
    with running_server() as server, server.database() as url:
        with opened(url) as engine:
            install(engine)
        with connected(url) as con:
            con.execute(USERS)
        served = Served(url, *(server.url_of(name_of(url), user) for user in ("ann", "worker")))
        with connected(served.ann) as con:
            con.execute(VISIT)
            con.execute(call("train", 0))
        yield served
    patch.undo()


def connected(url):
    """A session, as soon as the server takes one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            con = psycopg.connect(url, autocommit=True, options=OPTIONS)
            con.execute("SELECT pg_sleep(0.1)")  # The server may not have noticed the kill yet, and end this one too.
            return con
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server has not recovered"
            time.sleep(0.02)


def session_killed(server, verb, number):
    """What a statement gave back before its session was killed; None where it was killed first."""
    answer = []
    con = connected(server.ann)
    con.execute(WARM)  # The first call of a session imports the packages; kill in what comes after it.

    def run():
        try:
            cursor = con.execute(call(verb, number))
            answer.append(dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True)))
        except psycopg.Error:
            return

    pid = con.info.backend_pid
    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(RANDOM.uniform(0.0, 0.35))
    os.kill(pid, signal.SIGKILL)
    thread.join(60)
    con.close()
    return answer[0] if answer else None


def worker_killed(server, verb, number):
    """What the job of a worker gave back before the worker was killed; None where it was killed first."""
    with connected(server.ann) as con:
        asked = con.execute(ASK, [verb, json.dumps(arguments(verb, number))]).fetchone()[0]
        job = "SELECT status, answer FROM sqlml.job WHERE run_id = %s"
        program = Path(sysconfig.get_path("scripts")) / "sqlml"
        environment = {**os.environ, "SQLML_TARGET": server.worker}
        with subprocess.Popen([program, "worker"], env=environment, stderr=subprocess.PIPE, text=True) as worker:
            while con.execute(job, [asked["run_id"]]).fetchone()[0] == "queued":
                assert worker.poll() is None, worker.stderr.read()
                time.sleep(0.01)
            time.sleep(RANDOM.uniform(0.0, 0.5))
            worker.kill()
        return con.execute(job, [asked["run_id"]]).fetchone()[1]


def all_done_by_another_worker(server):
    """Check that another worker does what is left within a minute, and that each job has come to its end once."""
    deadline = time.monotonic() + 60
    with connected(server.admin) as con:
        while con.execute("SELECT DISTINCT status FROM sqlml.job").fetchall() != [("succeeded",)]:
            assert time.monotonic() < deadline
            assert serve(Settings(server.worker, drain=True, stalled_after=1.0)) == 0
        runs = "SELECT count(*) FROM sqlml.job JOIN sqlml.run USING (run_id)"
        assert con.execute(f"SELECT count(*) = ({runs}) FROM sqlml.job").fetchone() == (True,)


def test_sessions_and_workers_that_are_killed(server):
    acknowledged = {"version": {1}, "live": None, "run_id": set()}
    ended_first = 0
    for number in range(1, ROUNDS + 1):
        by_worker = number % 4 == 0
        verb = RANDOM.choice(["train", "score", "record_truth"] if by_worker else [*ARGUMENTS, "deploy"])
        answer = worker_killed(server, verb, number) if by_worker else session_killed(server, verb, number)
        ended_first += answer is None
        if verb in ("train", "deploy"):
            acknowledged["live"] = answer and answer["version"]
        if answer and verb != "deploy":
            acknowledged["run_id"].add(answer["run_id"])
            acknowledged["version"].add(answer.get("version", 1))
        with connected(server.admin) as con:
            whole(con, acknowledged)
        if by_worker and answer is None:
            all_done_by_another_worker(server)
            acknowledged["live"] = None
    assert 0 < ended_first < ROUNDS, "some kills come too late, and some in time"
    with opened(server.admin) as engine:
        assert verify(engine) == []
    with connected(server.ann) as con:
        con.execute(call("train", ROUNDS + 1))
        con.execute(call("score", ROUNDS + 1))
        assert con.execute("SELECT count(*) FROM prediction").fetchone()[0] >= 3000


def whole(con, acknowledged):
    """Every version is there with all that belongs to it, one is live and answers, and nothing acknowledged is gone."""

    def only(sql):
        return con.execute(sql).fetchone()[0]

    versions = {version for (version,) in con.execute("SELECT version FROM sqlml.model_version")}
    assert acknowledged["version"] <= versions == set(range(1, len(versions) + 1))
    for table in ("compiled", "metric", "reference_metric", "reference_profile", "reference_count", "reference_row"):
        assert {version for (version,) in con.execute(f"SELECT DISTINCT version FROM sqlml.{table}")} == versions, table
    assert only("SELECT count(*) FROM sqlml.run WHERE kind = 'train'") == len(versions)
    assert only("SELECT count(*) FROM sqlml.deployment WHERE valid_to IS NULL") == 1
    live = only("SELECT version FROM sqlml.deployment WHERE valid_to IS NULL")
    assert acknowledged["live"] in (None, live)
    functions = con.execute("SELECT proname FROM pg_proc WHERE proname ~ '^m@[0-9]+_core$'").fetchall()
    assert {int(name[2:].partition("_")[0]) for (name,) in functions} == versions
    newest = max(versions)
    differing = f"predict('m', v) <> predict('m@{live}', v) OR predict('m@{newest}', v) IS NULL"
    assert only(f"SELECT count(*) FROM (SELECT * FROM visit LIMIT 50) AS v WHERE {differing}") == 0
    if only("SELECT to_regclass('prediction') IS NOT NULL"):
        written = dict(con.execute("SELECT run_id, count(*) FROM prediction GROUP BY run_id"))
        told = dict(con.execute("SELECT run_id, rows_out FROM sqlml.run WHERE kind = 'score' AND rows_out > 0"))
        assert written == told
    written = dict(con.execute("SELECT run_id, count(*) FROM sqlml.ground_truth GROUP BY run_id"))
    told = dict(con.execute("SELECT run_id, rows_out FROM sqlml.run WHERE kind = 'record_truth' AND rows_out > 0"))
    assert written == told
    assert acknowledged["run_id"] <= {run_id for (run_id,) in con.execute("SELECT run_id FROM sqlml.run")}
