"""A session of PostgreSQL that is killed at any moment leaves nothing half done, and nothing acknowledged is lost.

Each round a session trains, deploys, scores or records truth, and its process gets SIGKILL after a random time, upon
which the server ends all sessions and recovers. ``SQLML_KILLS`` says how many rounds there are.
"""

import os
import random
import signal
import threading
import time

import psycopg
import pytest
from postgres import running_server

from sqlml.engine.postgres import opened
from sqlml.install import install, verify

ROUNDS = int(os.environ.get("SQLML_KILLS", "24"))
RANDOM = random.Random(20)
OPTIONS = "-c search_path=public,sqlml -c synchronous_commit=on"
VISIT = """CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, (i * 104729) % 1000 AS income,
       ((i * 7919) % 97 > 40) <> (i % 7 = 0) AS bought
FROM generate_series(1, 3000) AS g(i)"""
TRAIN = """CALL sqlml.train(model => 'm', relation => 'visit', target => 'bought', key_column => 'visit_id',
  algorithm => 'linear', features => '["age", "income"]', deploy => 'always', seed => {round})"""
DEPLOY = "CALL sqlml.deploy('m', (SELECT 1 + {round} % max(version) FROM sqlml.model_version))"
SCORE = "CALL sqlml.score('m', 'SELECT * FROM visit', 'prediction', key_column => 'visit_id')"
WARM = "SELECT * FROM sqlml.evaluate('m', 'visit')"
TRUTH = """CALL sqlml.record_truth('m', 'SELECT visit_id, (visit_id + {round}) % 2 = 0 AS bought FROM visit',
  key_column => 'visit_id', truth_column => 'bought')"""


@pytest.fixture(scope="module")
def server():
    """A server of our own, as a killed session ends all others; what it acknowledges it has written."""
    patch = pytest.MonkeyPatch()
    patch.delenv("SQLML_TEST_POSTGRES", raising=False)
    with running_server() as server, server.database() as url:
        with opened(url) as engine:
            install(engine)
        with connected(url) as con:
            con.execute(VISIT)
            con.execute(TRAIN.format(round=0))
        yield url
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


def killed_while(url, statement, warm, seconds):
    """The row that a statement gave back before its session was killed; None where it was killed first."""
    answer = []
    con = connected(url)
    con.execute(warm)

    def run():
        try:
            answer.append(con.execute(statement).fetchone())
        except psycopg.Error:
            return

    pid = con.info.backend_pid
    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    thread.join(60)
    con.close()
    return answer[0] if answer else None


def test_sessions_that_are_killed(server):
    acknowledged = {"version": {1}, "live": None, "scored": set(), "truth": set()}
    ended_first = 0
    for number in range(1, ROUNDS + 1):
        verb, statement = RANDOM.choice([("train", TRAIN), ("deploy", DEPLOY), ("score", SCORE), ("truth", TRUTH)])
        # The first call of a session imports the packages; kill in what comes after it.
        answer = killed_while(
            server,
            statement.format(round=number),
            WARM,
            RANDOM.uniform(0.0, 0.35),
        )
        with connected(server) as con:
            if answer is None:
                ended_first += 1
                acknowledged["live"] = None
            elif verb == "train":
                acknowledged["version"].add(answer[1])
                acknowledged["live"] = answer[1]
            elif verb == "deploy":
                acknowledged["live"] = answer[1]
            elif verb == "score":
                acknowledged["scored"].add(answer[0])
            else:
                acknowledged["truth"].add(answer[0])
            whole(con, acknowledged)
    assert 0 < ended_first < ROUNDS, "some kills come too late, and some in time"
    with opened(server) as engine:
        assert verify(engine) == []
    with connected(server) as con:
        con.execute(TRAIN.format(round=ROUNDS + 1))
        con.execute(SCORE)
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
        runs = {run_id for (run_id,) in con.execute("SELECT run_id FROM sqlml.run WHERE kind = 'score'")}
        assert acknowledged["scored"] <= runs
    written = dict(con.execute("SELECT run_id, count(*) FROM sqlml.ground_truth GROUP BY run_id"))
    told = dict(con.execute("SELECT run_id, rows_out FROM sqlml.run WHERE kind = 'record_truth' AND rows_out > 0"))
    assert written == told
    runs = {run_id for (run_id,) in con.execute("SELECT run_id FROM sqlml.run WHERE kind = 'record_truth'")}
    assert acknowledged["truth"] <= runs
