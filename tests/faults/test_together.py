"""Calls at the same time, under every isolation of transactions, write each row once; or they are refused."""

import json
import threading
import time

import psycopg
import pytest
from postgres import name_of

from sqlml.engine.postgres.client import opened
from sqlml.errors import TransactionError
from sqlml.lifecycle.check import check
from sqlml.lifecycle.score import score

SCORE = "CALL sqlml.score('buyer', 'visit', '{}', key_column => 'visit_id')"
TRUTH = "CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'bought')"
WRITING = {
    "score": SCORE.format("p"),
    "record_truth": TRUTH,
    "monitor": "CALL sqlml.monitor('buyer')",
    "train": "CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear')",
    "deploy": "CALL sqlml.deploy('buyer', 1)",
}


@pytest.fixture
def con(url):
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def waiting(con):
    """Wait until another session of this database waits for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 10
    while con.execute(asked).fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        con.execute("SELECT pg_stat_clear_snapshot()")


def after_the_first(con, first, second):
    """What the second call gives where it comes while the first has not committed."""
    answer = []
    with con.transaction():
        con.execute(first)
        thread = threading.Thread(target=lambda: answer.append(second()))
        thread.start()
        waiting(con)
    thread.join(20)
    return answer[0]


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(
    ("first", "second"), [("p", "P"), ("public.p", "p"), ("p", '"public".p'), ("{database}.public.p", "p")]
)
def test_two_names_of_one_table_wait_for_each_other(url, con, first, second, is_there):
    if is_there:
        con.execute(SCORE.format("p").replace("'visit'", "'SELECT * FROM visit WHERE visit_id = 0'"))
    first = first.format(database=name_of(url))

    def call():
        with psycopg.connect(url, autocommit=True) as other:
            return other.execute(SCORE.format(second)).fetchone()[1]

    assert after_the_first(con, SCORE.format(first), call) == 0
    assert con.execute("SELECT count(*), count(DISTINCT visit_id) FROM p").fetchone() == (100, 100)


def test_names_that_mean_the_same_by_another_search_path(url, con):
    con.execute("CREATE SCHEMA scores")

    def call():
        with psycopg.connect(url, autocommit=True, options="-c search_path=scores,public") as other:
            return other.execute(SCORE.format("p")).fetchone()[1]

    assert after_the_first(con, SCORE.format("scores.p"), call) == 0
    assert con.execute("SELECT count(*) FROM scores.p").fetchone() == (100,)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("verb", WRITING)
def test_a_transaction_with_an_old_snapshot_is_refused(con, verb, isolation):
    con.execute(SCORE.format("p"))
    con.execute(f"BEGIN ISOLATION LEVEL {isolation}")
    said = f"the transaction is {isolation} and .*default_transaction_isolation"
    with pytest.raises(psycopg.Error, match=said) as error:
        con.execute(WRITING[verb])
    assert error.value.sqlstate == "ML050"
    con.execute("ROLLBACK")
    con.execute(f"SET default_transaction_isolation = '{isolation.lower()}'")
    with pytest.raises(psycopg.Error, match="READ COMMITTED"):
        con.execute(WRITING[verb])
    con.execute("RESET default_transaction_isolation")
    con.execute(WRITING[verb])


def test_what_reads_may_have_any_snapshot(con):
    with con.transaction():
        con.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        assert con.execute("SELECT n FROM sqlml.evaluate('buyer', 'visit') LIMIT 1").fetchone() == (100,)


def test_a_connection_of_our_own_sees_what_it_has_waited_for(url, con):
    con.execute(f"ALTER DATABASE {name_of(url)} SET default_transaction_isolation = 'repeatable read'")

    def call():
        with opened(url) as engine:
            return score(engine, "buyer", "visit", "p", "visit_id")["rows"]

    assert after_the_first(con, SCORE.format("p"), call) == 0
    assert con.execute("SELECT count(*) FROM p").fetchone() == (100,)


def test_nor_is_a_lock_taken_under_one(url):
    with opened(url, owner=None) as engine:
        engine.execute("SET default_transaction_isolation = 'serializable'")
        with pytest.raises(TransactionError, match="SERIALIZABLE"), engine.transaction():
            engine.lock("a")


@pytest.fixture
def growing(url, con):
    """A table to which another session adds rows without an end."""
    con.execute(
        "CREATE TABLE t AS SELECT i AS id, NULL::integer AS a, 'x' AS word FROM generate_series(1, 500) AS g(i)"
    )
    stop = threading.Event()

    def grow():
        with psycopg.connect(url, autocommit=True) as other:
            while not stop.is_set():
                other.execute("INSERT INTO t VALUES (0, NULL, 'x')")
                time.sleep(0.001)

    thread = threading.Thread(target=grow)
    thread.start()
    yield
    stop.set()
    thread.join(20)


MANY = [{"check": "not_null", "column": "a"}] * 5 + [{"check": "allowed_values", "column": "a", "values": [1]}]
WRONG = [{"check": "range", "column": "word", "min": 0}]


@pytest.mark.parametrize("suite", [MANY, MANY + WRONG], ids=["at once", "one by one"])
@pytest.mark.parametrize("how", ["inline", "psycopg"])
def test_all_checks_of_a_suite_see_the_same_rows(url, con, growing, suite, how):
    for _ in range(3):
        if how == "inline":
            con.execute("CALL sqlml.\"check\"('t', %s)", [json.dumps(suite)])
        else:
            with opened(url) as engine:
                check(engine, "t", json.dumps(suite))
    found = con.execute(
        "SELECT count(*) FILTER (WHERE failing_rows = relation_rows), count(DISTINCT relation_rows), "
        "count(*) FILTER (WHERE actual LIKE 'the values do not allow it%%') FROM sqlml.check_result"
    ).fetchone()
    assert found == (15, 3, 3 if suite != MANY else 0)


def test_rows_that_come_while_it_scores_are_written_once_or_not_at_all(con):
    """Each reading of the relation sees another state of it: from the second on key 1 stands twice."""
    con.execute("CREATE SEQUENCE readings")
    con.execute(
        """CREATE VIEW growing AS SELECT visit_id, age, income FROM visit
           UNION ALL SELECT visit_id, age, income FROM visit, (SELECT nextval('readings') AS n OFFSET 0) AS reading
           WHERE visit_id = 1 AND n > 1"""
    )
    call = "CALL sqlml.score('buyer', 'growing', 'p', key_column => 'visit_id')"
    assert con.execute(call).fetchone()[1] == 100
    assert con.execute("SELECT count(*), count(DISTINCT visit_id) FROM p").fetchone() == (100, 100)
    with pytest.raises(psycopg.Error, match="1 values of 'visit_id' stand more than once in 'growing'"):
        con.execute(call)


@pytest.mark.parametrize("verb", ["grant_model", "revoke_model"])
def test_rights_are_not_given_by_an_old_snapshot(con, verb):
    """It would not see the versions that another job has made since, and give no right on them, or leave one."""
    con.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(psycopg.Error, match="the transaction is REPEATABLE READ") as refused:
        con.execute(f"CALL sqlml.{verb}('buyer', 'pg_monitor')")
    con.execute("ROLLBACK")
    assert refused.value.sqlstate == "ML050"
