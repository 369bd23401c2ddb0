"""A call that is rolled back, interrupted, or shut out leaves the database as it was."""

import signal
import subprocess
import sys
import time

import duckdb
import pytest

import sqlml
from sqlml.errors import DatabaseLocked, InstallError, TransactionError

TRAIN = "CALL sqlml.train(model => 'm', relation => 'visit', target => 'bought')"
VISIT = """CREATE TABLE visit AS
SELECT (i * 7919) % 97 AS age, (i * 7919) % 97 > 50 AS bought FROM range(200) AS g(i)"""


@pytest.fixture
def visit(con):
    con.execute(VISIT)
    return con


def recorded(con):
    tables = ("model", "model_version", "run", "metric", "deployment", "compiled", "compiled_trees", "trial")
    return [con.execute(f"SELECT count(*) FROM sqlml.{table}").fetchall()[0][0] for table in tables]


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN TRANSACTION", "SELECT 1; BEGIN; SELECT 2"])
def test_a_call_inside_an_open_transaction_is_refused(visit, begin):
    visit.execute(begin)
    with pytest.raises(TransactionError, match=r"ML050 sqlml\.train commits its own work.*COMMIT or ROLLBACK"):
        visit.execute(TRAIN)
    visit.rollback()
    assert recorded(visit) == [0] * 8


def test_a_script_that_begins_and_calls_is_refused_too(visit):
    with pytest.raises(TransactionError):
        visit.execute(f"BEGIN; {TRAIN}; ROLLBACK")
    visit.rollback()
    assert recorded(visit) == [0] * 8


def test_begin_of_a_cursor_and_of_the_api_are_seen(visit):
    visit.begin()
    with pytest.raises(TransactionError):
        visit.execute(TRAIN)
    visit.rollback()
    cursor = visit.cursor()
    cursor.execute("BEGIN")
    with pytest.raises(TransactionError):
        cursor.execute(TRAIN)
    cursor.close()
    assert recorded(visit) == [0] * 8


def test_a_call_after_a_transaction_works(visit):
    visit.execute("BEGIN; DELETE FROM visit WHERE age = 1; COMMIT")
    (row,) = visit.execute(f"SELECT 1; {TRAIN}").fetchall()
    assert row[:2] == ("m", 1)


def test_reading_inside_a_transaction_is_allowed(visit):
    visit.execute(TRAIN)
    visit.begin()
    visit.execute("INSERT INTO visit VALUES (3, true)")
    assert visit.execute("SELECT count(predict('m', v)) FROM visit AS v").fetchall() == [(201,)]
    assert visit.execute("SELECT count(*) FROM sqlml.feature_importance('m')").fetchall() == [(1,)]
    visit.rollback()


def test_a_relation_built_by_sql_runs_a_call_once(visit):
    relation = visit.sql(TRAIN)
    assert [row[1] for row in relation.fetchall()] == [1]
    assert [row[1] for row in relation.fetchall()] == [1]
    assert visit.execute("SELECT count(*) FROM sqlml.model_version").fetchall() == [(1,)]


def test_explaining_does_not_train(visit):
    visit.execute(f"EXPLAIN {TRAIN.replace('CALL', 'FROM')}").fetchall()
    assert recorded(visit) == [0] * 8


def test_a_failure_while_writing_leaves_nothing(visit, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("sqlml.lifecycle.train.add_metrics", fail)
    with pytest.raises(sqlml.SqlmlError, match=r"ML000 .*RuntimeError: the disk is full.*Nothing was changed"):
        visit.execute(TRAIN)
    assert recorded(visit) == [0] * 8
    monkeypatch.undo()
    visit.execute(TRAIN)
    assert visit.execute("SELECT predict('m', {'age': 60}) > 0.5").fetchall() == [(True,)]


LONG = TRAIN.replace("'bought')", "'bought', hyperparams => '{\"n_estimators\": 20000}')")
CHILD = """
import signal, sqlml, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # Shells let what they start in the background ignore it.
path, visit, train = sys.argv[1:]
con = sqlml.connect(path)
con.execute(visit.replace("range(200)", "range(200000)"))
con.execute("CHECKPOINT")
print("ready", flush=True)
try:
    con.execute(train)
except KeyboardInterrupt:
    print("interrupted", con.execute("SELECT count(*) FROM sqlml.run").fetchall(), flush=True)
con.close()
"""


def training_child(path):
    """A process that is in the middle of a long training."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), VISIT, LONG],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(2.5)
    return child


def test_an_interrupt_in_the_middle_of_training(tmp_path):
    path = tmp_path / "i.duckdb"
    child = training_child(path)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert out == "interrupted [(0,)]\n"
    assert err == ""
    with sqlml.connect(path) as con:
        assert recorded(con) == [0] * 8


def test_a_process_killed_while_training_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "k.duckdb"
    child = training_child(path)
    child.kill()
    child.communicate(timeout=60)
    with sqlml.connect(path) as con:
        assert recorded(con) == [0] * 8
        assert con.execute("SELECT count(*) FROM visit").fetchall() == [(200000,)]


def test_a_file_locked_by_another_process(tmp_path):
    path = tmp_path / "l.duckdb"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlml, sys; c = sqlml.connect(sys.argv[1]); print('open', flush=True); input(); c.close()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(DatabaseLocked, match=r"ML061 .*l\.duckdb.*One process at a time"):
        sqlml.connect(path)
    holder.communicate("\n", timeout=60)
    sqlml.connect(path).close()


@pytest.mark.parametrize("first", [sqlml.connect, duckdb.connect])
def test_who_opens_a_file_a_second_time_keeps_the_lock_on_it(tmp_path, first):
    path = str(tmp_path / "l.duckdb")
    other = "import sqlml, sys; sqlml.connect(sys.argv[1]).execute('CREATE TABLE stolen AS SELECT 1')"
    with first(path) as con:
        con.execute("CREATE TABLE mine AS SELECT 1")
        sqlml.connect(path).close()
        done = subprocess.run([sys.executable, "-c", other, path], capture_output=True, text=True)
        assert "ML061" in done.stderr
        assert done.returncode == 1
        made = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
        assert con.execute(made).fetchall() == [("mine",)]


def test_nothing_is_printed_at_exit(tmp_path):
    text = "import sqlml; c = sqlml.connect('{}'); d = c.cursor(); d.execute('SELECT 1')".format(tmp_path / "e.duckdb")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "x.duckdb"
    path.write_text("not a database, but long enough to be looked at\n" * 100)
    with pytest.raises(sqlml.SqlmlError, match="ML060"):
        sqlml.connect(path)
    assert path.read_text().startswith("not a database")


def test_read_only(tmp_path):
    path = tmp_path / "r.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(InstallError, match="read-only"):
        sqlml.connect(path, read_only=True)
    with sqlml.connect(path) as con:
        con.execute(VISIT)
        con.execute(TRAIN)
    with sqlml.connect(path, read_only=True) as con:
        assert con.execute("SELECT predict('m', {'age': 60}) > 0.5").fetchall() == [(True,)]
        with pytest.raises(sqlml.SqlmlError, match="read-only"):
            con.execute(TRAIN)


def test_connections_share_a_file_and_let_go_of_it(tmp_path):
    path = tmp_path / "s.duckdb"
    one, two = sqlml.connect(path), sqlml.connect(path)
    one.execute(VISIT)
    one.close()
    two.execute(TRAIN)
    assert two.execute("SELECT predict('m', {'age': 60}) > 0.5").fetchall() == [(True,)]
    two.close()
    check = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
    subprocess.run([sys.executable, "-c", check, str(path)], check=True)


def test_two_trainings_at_once_get_two_numbers(visit):
    from concurrent.futures import ThreadPoolExecutor

    cursors = [visit.cursor() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        versions = list(pool.map(lambda cursor: cursor.execute(TRAIN).fetchall()[0][1], cursors))
    assert sorted(versions) == [1, 2, 3]
    for cursor in cursors:
        cursor.close()


@pytest.mark.parametrize("call", [TRAIN.replace("target =>", "targett =>"), "CALL sqlml.deploy('m')"])
def test_an_unknown_or_missing_argument(visit, call):
    with pytest.raises(sqlml.SqlmlError, match=r"ML001 .* does not take these arguments.*It takes: .*model"):
        visit.execute(call)
    assert recorded(visit) == [0] * 8
