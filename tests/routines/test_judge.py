"""A whole run in small: what its tests call, what the report says, and what fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from routines.__main__ import faults, judge
from routines.report import Covered, covered, figures, markdown, with_expansions
from routines.seen import Seen, seen_in

TESTS = Path(__file__).parents[1]

IN_DUCKDB = """
def test_predict(con):
    con.execute("CREATE TABLE t AS SELECT i AS a, i * 2.0 AS b FROM range(50) AS r(i)")
    con.execute("CALL sqlml.train('m', 't', 'b', algorithm => 'baseline', deploy => 'always')")
    assert con.sql("SELECT predict('m', t) FROM t LIMIT 1").fetchall()
    con.execute("SELECT 'sqlml.to_sql(1)' -- sqlml.calibration(1)")

def test_that_fails(con):
    try:
        con.execute("SELECT * FROM sqlml.roc_curve('m', 'nowhere')")
    except Exception:
        pass
"""
IN_POSTGRES = """
import psycopg
import pytest
from sqlml.engine.postgres.client import opened
from sqlml.install import install

@pytest.fixture(scope="module")
def url(postgres_server):
    with postgres_server.database() as url:
        with opened(url) as engine:
            install(engine)
        yield url

def test_that_raises(url):
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="there is no model"):
        connection.execute("SELECT * FROM sqlml.addressed('nobody')")

def test_without_rights(url):
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET ROLE sqlml_reader")
        connection.execute("CALL sqlml.revoke_model('m', 'r')")

def test_in_a_text(url):
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 'sqlml.wait_for(1)' /* sqlml.score(1) */, sqlml.float_sum(1, %s)", [2])
"""


def run(folder, server="", **files):
    """What a run of some tests, in a process of its own, has seen; it uses the fixtures of all tests."""
    room = folder / "room"
    room.mkdir()
    (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    for name, text in files.items():
        (room / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, "-W", "error"]
    command += ["--routines", folder / "seen", room]
    done = subprocess.run(command, env=environment(server), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return seen_in(folder / "seen")


def environment(server):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SQLML_"))}
    return {**kept, "PYTHONPATH": str(TESTS), "SQLML_TEST_POSTGRES": server}


def test_a_run_tells_who_called_what_in_duckdb(tmp_path):
    seen = run(tmp_path, duckdb=IN_DUCKDB)
    test, failing = {"room/test_duckdb.py::test_predict"}, "room/test_duckdb.py::test_that_fails"
    assert seen.engines == {"duckdb"}
    assert dict(seen.direct) == {("duckdb", "sqlml.train"): test, ("duckdb", "main.predict"): test}
    assert seen.indirect["duckdb", "python.sqlml_connect_required_call"] == {*test, failing}
    assert seen.indirect["duckdb", "python.sqlml_connect_required_predict"] == test
    assert not any("sqlml.roc_curve" in key for key in (*seen.direct, *seen.indirect))


def test_a_run_tells_who_called_what_in_postgres(tmp_path):
    seen = run(tmp_path, postgres=IN_POSTGRES)
    raising, text = (f"room/test_postgres.py::test_{name}" for name in ("that_raises", "in_a_text"))
    assert seen.engines == {"duckdb", "postgres"}
    assert seen.direct["postgres", "sqlml.addressed"] == {raising}
    assert seen.direct["postgres", "sqlml.float_sum"] == {text}
    assert raising in seen.indirect["postgres", "sqlml.unknown_address"]
    called = {name for engine, name in (*seen.direct, *seen.indirect) if engine == "postgres"}
    assert not called & {"sqlml.wait_for", "sqlml.score", "sqlml.revoke_model"}
    ((text, counts),) = ((text, counts) for (name, text), counts in seen.ran.items() if name == "sqlml.addressed")
    assert set(counts.values()) == {1}
    assert "IF NOT FOUND THEN" in text.split("\n")[sorted(counts)[2] - 1]


def test_a_server_that_is_named_is_not_watched(tmp_path, postgres_server):
    seen = run(tmp_path, postgres_server.url, postgres=IN_POSTGRES)
    assert seen.engines == {"duckdb"}
    assert not any(engine == "postgres" for engine, _ in (*seen.direct, *seen.indirect))


def test_a_routine_that_nobody_calls_fails_and_is_named_with_the_remedy():
    seen = Seen({"duckdb", "postgres"})
    seen.add(
        "duckdb",
        ["sqlml.train"],
        ["tests/a.py::test_a[1]", "tests/a.py::test_a[2]@group", "tests/a.py::test_a@group"],
        direct=True,
    )
    seen.add("postgres", ["sqlml.train", "sqlml.predict_churn"], ["tests/a.py::test_b"], direct=False)
    routines = {"duckdb": {"sqlml.train", "sqlml.new"}, "postgres": {"sqlml.train", "sqlml.predict_<model>"}}
    found = covered(seen, routines, {})
    assert [each.name for each in found if not each.is_called] == ["sqlml.new"]
    (fault,) = faults(found)
    assert fault.startswith("DuckDB's sqlml.new is called by no test. Write one that calls it")
    assert figures(found) == "DuckDB: 2 routines, 1 without a test; PostgreSQL: 2 routines, none without a test"
    assert "| `sqlml.train` | 1 | 0 |  | a.py 1 |" in markdown(found)
    assert "| `sqlml.new` | 0 | 0 |  | **no test** |" in markdown(found)


def test_statements_count_where_the_routine_is_as_in_its_file():
    body = "\nBEGIN\n  IF a THEN\n    b := 1 | 2;\n  END IF;\nEND\n"
    seen = Seen({"postgres"})
    seen.add("postgres", ["sqlml.f"], ["tests/a.py::test"], direct=True)
    for counts in ({2: 1, 3: 1, 4: 0}, {2: 5, 3: 5, 4: 0}):
        seen.add_lines("sqlml.f", body, counts)
    seen.add_lines("sqlml.f", body.replace("b :=", "c :="), {2: 1, 3: 1, 4: 1})
    file = f"-- What it does.\nCREATE FUNCTION sqlml.f() AS $${body}$$;\n"
    found = covered(seen, {"postgres": {"sqlml.f"}}, {"sqlml.f": file})
    assert found[0].statements == ((3, "BEGIN", True), (4, "IF a THEN", True), (5, "b := 1 | 2;", False))
    assert figures(found).endswith("PL/pgSQL: 2 of 3 statements ran (66.7 %)")
    assert "| sqlml.f | 5 | `b := 1 \\| 2;` |" in markdown(found)
    assert file.split("\n")[4].strip() == "b := 1 | 2;"


def test_a_call_of_a_macro_is_one_of_those_that_it_is_made_of():
    seen = Seen({"duckdb"})
    seen.add("duckdb", ["main.predict"], ["tests/a.py::test"], direct=True)
    with_expansions(
        seen, {"main.predict": {"main.predict", "sqlml.predict"}, "sqlml.other": {"sqlml.other", "sqlml.x"}}
    )
    assert seen.indirect == {("duckdb", "sqlml.predict"): {"tests/a.py::test"}}


def test_processes_are_put_together_and_the_report_is_written(tmp_path, capsys):
    folder = tmp_path / "routines"
    for test in ("tests/a.py::test", "tests/b.py::test"):
        seen = Seen({"duckdb"})
        seen.add("duckdb", ["sqlml.train"], [test], direct=True)
        seen.write(folder)
    wrong = judge(folder)
    assert any("DuckDB's sqlml.score is called by no test" in fault for fault in wrong)
    assert not any("sqlml.train " in fault or "PostgreSQL" in fault for fault in wrong)
    told = {each["name"]: each for each in json.loads(folder.with_suffix(".json").read_text())}
    assert told["sqlml.train"]["direct"] == ["tests/a.py::test", "tests/b.py::test"]
    said = capsys.readouterr().out
    assert "without a test" in said
    assert "PostgreSQL was not watched" in said
    assert folder.with_suffix(".md").read_text().startswith("# Routines and the tests that call them")


def test_a_folder_in_which_nothing_was_left_is_no_pass(tmp_path):
    (fault,) = judge(tmp_path / "nothing")
    assert "make test runs all tests" in fault


def test_a_run_without_the_option_leaves_nothing(request):
    watching = request.config.pluginmanager.has_plugin("routines")
    assert watching == bool(request.config.getoption("routines"))


@pytest.mark.parametrize(("direct", "indirect", "called"), [((), (), False), (("a",), (), True), ((), ("a",), True)])
def test_an_indirect_call_is_a_call(direct, indirect, called):
    assert Covered("duckdb", "sqlml.f", direct, indirect).is_called is called
