"""PostgreSQL from inside: the way to the owner's rights, and how calls end."""

import json
import time

import psycopg
import pytest

ANSWER = """
CREATE FUNCTION answer(verb text, arguments text) RETURNS text LANGUAGE plpython3u AS $$
from sqlml.server import answer
return answer(plpy, verb, arguments)
$$;
"""


@pytest.fixture
def admin(engine_database):
    with psycopg.connect(engine_database, autocommit=True) as connection:
        connection.execute(ANSWER)
        yield connection


@pytest.fixture
def caller(admin, user_url):
    with psycopg.connect(user_url("sqlml_test_caller"), autocommit=True) as connection:
        yield connection


def function(connection, body, security="INVOKER"):
    """A PL/Python function ``f`` with this body."""
    create = "CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE plpython3u SECURITY {} AS $x$\n{}\n$x$"
    connection.execute(create.format(security, body).encode())


def called(connection, sql="SELECT f()"):
    return connection.execute(sql.encode()).fetchone()[0]


def test_the_owner_is_reached_only_with_a_token_that_waits(admin, caller):
    for token in ("''", "'x'", "NULL", "repeat('0', 32)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"sqlml.as_owner is called by sqlml alone"):
            caller.execute(f"SELECT sqlml.as_owner({token})".encode())


def test_a_token_is_good_for_one_call(admin, caller):
    function(
        admin,
        """
from sqlml.engine.postgres import plpython
tokens = []
engine = plpython.plpython_engine(plpy)
with engine.transaction() as owner:
    class Spy:
        def __getattr__(self, name):
            return getattr(plpy, name)
        def execute(self, plan, arguments=None):
            if arguments:
                tokens.append(arguments[0])
            return plpy.execute(plan, arguments) if arguments else plpy.execute(plan)
    owner._statements._statements.plpy = Spy()
    who = owner.rows("SELECT current_user::text")[0][0]
assert len(tokens[0]) == 32 and not plpython._JOBS
try:
    plpy.execute("SELECT sqlml.as_owner('%s')" % tokens[0])
except plpy.SPIError as error:
    return who + " " + error.sqlstate
""",
    )
    assert called(caller) == "sqlml_owner 42501"


def test_a_session_that_reads_backslashes_in_strings_is_refused(admin, caller):
    caller.execute("SET standard_conforming_strings = off")
    answered = json.loads(called(caller, "SELECT answer('to_sql', '{}')"))
    assert answered["error"]["code"] == "ML060"
    assert "SET standard_conforming_strings = on" in answered["error"]["message"]
    function(
        admin,
        """
from sqlml.engine.postgres.plpython import plpython_engine
from sqlml.errors import EngineError
plpy.execute("SET standard_conforming_strings = on")
engine = plpython_engine(plpy)
with engine.transaction() as owner:
    engine.execute("SET standard_conforming_strings = off")
    return str(owner.rows("SELECT current_setting('standard_conforming_strings')")[0][0])
""",
    )
    assert called(caller) == "on"
    admin.execute("ALTER FUNCTION sqlml.as_owner(text) RESET standard_conforming_strings")
    with pytest.raises(psycopg.Error, match="standard_conforming_strings is off"):
        called(caller)


def test_who_is_asking(admin, caller, user_url):
    function(admin, "from sqlml.engine.postgres.plpython import plpython_engine\nreturn plpython_engine(plpy).actor()")
    assert called(caller) == "sqlml_test_caller"
    with psycopg.connect(user_url("sqlml_test_login"), autocommit=True) as login:
        login.execute("SET ROLE sqlml_test_caller")
        assert called(login) == "sqlml_test_login as sqlml_test_caller"


def test_an_answer_is_json_and_an_error_has_its_code_and_no_traceback(admin, caller):
    admin.execute("CREATE TABLE sqlml.model (model text)")
    admin.execute("GRANT SELECT ON sqlml.model TO PUBLIC")
    found = json.loads(called(caller, "SELECT answer('rollback', '{\"model\": \"A\"}')"))
    assert found["error"]["code"] == "ML002"
    assert found["error"]["message"].startswith("model => 'A' is not a name")
    unknown = json.loads(called(caller, 'SELECT answer(\'check\', \'{"relation": "nowhere", "suite": "[]"}\')'))
    assert unknown["error"]["code"].startswith("ML")
    assert "Traceback" not in unknown["error"]["message"]


def test_dates_of_any_style(admin, caller):
    caller.execute("SET datestyle = 'SQL, DMY'")
    caller.execute("SET timezone = 'Asia/Kolkata'")
    function(
        admin,
        """
from sqlml.engine.postgres.plpython import exact_texts, plpython_engine
with exact_texts(plpy):
    engine = plpython_engine(plpy)
    row = engine.rows("SELECT timestamp '2024-01-31 12:00:00.5', date '2024-01-31', time '10:00',"
                      " '02/01/2024'::date")[0]
    zoned = engine.rows("SELECT timestamptz '2024-01-31 12:00+00'")[0][0].timestamp()
    read = engine.arrow("SELECT timestamptz '2024-01-31 12:00+00' AS z").column("z").to_pylist()[0].timestamp()
    assert zoned == read == 1706702400
    return repr(row)
""",
    )
    assert called(caller) == (
        "(datetime.datetime(2024, 1, 31, 12, 0, 0, 500000), datetime.date(2024, 1, 31), datetime.time(10, 0), "
        "datetime.date(2024, 1, 2))"
    )
    assert called(caller, "SHOW datestyle") == "SQL, DMY"


BUSY = """
import sys, types
import sqlml.lifecycle.call as door
from sqlml.server import answer

def busy(engine, report):
    import time
    with engine.transaction() as owner:
        owner.execute("INSERT INTO sqlml.note VALUES (1, 'half', NULL)")
        engine.execute("CREATE TABLE half_done (a integer)")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            sum(range(1000))
            report("training", 0, 1)
    return "done"

before = door.CALLS, door.LONG
door.CALLS, door.LONG = {"busy": busy}, {"busy"}
try:
    return answer(plpy, "busy", "{}")
finally:
    door.CALLS, door.LONG = before
"""


def test_long_work_is_stopped_by_a_timeout(admin, caller):
    function(admin, BUSY)
    caller.execute("SET statement_timeout = '700ms'")
    began = time.monotonic()
    assert json.loads(called(caller)) == {
        "error": {"code": "57014", "message": "canceling statement due to statement timeout"}
    }
    assert time.monotonic() - began < 10
    assert called(caller, "SELECT count(*) FROM sqlml.note") == 0
    assert called(caller, "SELECT to_regclass('half_done') IS NULL") is True


def test_long_work_is_stopped_by_its_user(admin, caller):
    function(admin, BUSY)
    pid = caller.info.backend_pid
    with caller.pipeline():
        cursor = caller.execute("SELECT f()")
        caller.pgconn.flush()
        time.sleep(2)
        admin.execute("SELECT pg_cancel_backend(%s)", [pid])
        assert json.loads(cursor.fetchone()[0])["error"]["code"] == "57014"
    assert called(caller, "SELECT count(*) FROM sqlml.note") == 0


def test_threads_of_libraries_do_not_get_the_signals_of_the_server(admin, caller):
    function(
        admin,
        """
from sqlml.server import answer
answer(plpy, "to_sql", "{}")
import os, signal
from pathlib import Path
from sqlml.engine.postgres.plpython import SIGNALS
import numpy, pyarrow
numpy.ones((500, 500)) @ numpy.ones((500, 500))
pyarrow.table({"a": range(200000)}).sort_by("a")
unblocked = []
for task in Path("/proc/self/task").iterdir():
    if task.name == str(os.getpid()):
        continue
    blocked = next(line for line in (task / "status").read_text().splitlines() if line.startswith("SigBlk"))
    mask = int(blocked.split()[1], 16)
    unblocked += [(task.name, number) for number in SIGNALS if not mask >> (number - 1) & 1]
assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & SIGNALS
return str(unblocked)
""",
    )
    assert called(caller) == "[]"


def test_rollback_leaves_nothing(admin, user_url):
    function(
        admin,
        """
from sqlml.engine.postgres.plpython import plpython_engine
engine = plpython_engine(plpy)
with engine.transaction() as owner:
    owner.execute("INSERT INTO sqlml.note VALUES (1, 'a', NULL)")
    engine.execute("CREATE TABLE mine AS SELECT 1 AS a")
return engine.rows("SELECT text FROM sqlml.note")[0][0]
""",
    )
    with psycopg.connect(user_url("sqlml_test_caller")) as caller:
        assert called(caller) == "a"
        caller.rollback()
        assert called(caller, "SELECT count(*) FROM sqlml.note") == 0
        assert called(caller, "SELECT to_regclass('mine') IS NULL") is True
        assert called(caller) == "a"
        caller.rollback()
