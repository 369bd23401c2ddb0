"""``sqlml demo``: the whole thread on the flights that are shipped, and the file that it leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise

import duckdb
import pytest

from tests.cli.conftest import COMMAND

# One worker runs them all, so that the demo runs once.
pytestmark = pytest.mark.xdist_group("demo")

STEPS = ["learn", "catch up", "retrain", "done"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder in which the demo ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run([COMMAND, "demo"], cwd=folder, capture_output=True, encoding="utf-8", timeout=400)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return folder, done.stdout


def run(folder, *arguments):
    return subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, encoding="utf-8", timeout=180)


def test_every_step_says_what_it_did_and_how_long_it_took(demo):
    _, out = demo
    first = out.splitlines()[: len(STEPS)]
    assert [line[:9].rstrip() for line in first] == STEPS
    assert all(re.search(r"\(\d+\.\d s\)$", line) for line in first[:-1])


def test_the_screen_shows_what_the_file_holds(demo):
    folder, out = demo
    with duckdb.connect(str(folder / "flights.duckdb"), read_only=True) as plain:
        months = plain.execute("""
            SELECT strftime(p.event_time, '%b %Y'), count(*), avg(p.prediction), avg(CAST(f.is_late AS INTEGER)),
                   any_value(m.value), any_value(l.value), any_value(d.value), any_value(m.columns_drifted)
            FROM flight_predictions AS p
            JOIN flight AS f USING (flight_id)
            JOIN flight_monitoring AS m ON date_trunc('month', p.event_time) = m.window_start
            JOIN sqlml.latest_performance AS l
              ON l.window_start = m.window_start AND l.metric = 'log_loss' AND l.slice_key IS NULL
            JOIN sqlml.latest_drift AS d
              ON d.window_start = m.window_start AND d.metric = 'psi' AND d.column_name = 'prediction'
            GROUP BY ALL
        """).fetchall()
        live = plain.execute("SELECT version, reason FROM sqlml.deployment WHERE valid_to IS NULL").fetchall()
    assert len(months) == 7
    for month, flights, predicted, actual, *measured, drifted in months:
        numbers = " +".join(f"{value:.4f}" for value in measured)
        assert re.search(rf"{month} +{flights:,} +{predicted:.1%} +{actual:.1%} +{numbers} +{drifted} *\n", out), month
    assert [version for version, _ in live] == [2]
    assert live[0][1] in " ".join(out.split())


def test_the_file_has_what_the_jobs_did(demo):
    folder, _ = demo
    with duckdb.connect(str(folder / "flights.duckdb"), read_only=True) as plain:
        by_version = plain.execute("SELECT version, count(*) FROM flight_predictions GROUP BY 1").fetchall()
        checks = plain.execute("SELECT count(DISTINCT run_id), count_if(status = 'fail') FROM flight_checks").fetchall()
        ((truths, coverage),) = plain.execute(
            "SELECT (SELECT count(*) FROM flight_truth), (SELECT min(label_coverage) FROM flight_monitoring)"
        ).fetchall()
    assert by_version == [(1, 103_860)]
    assert checks == [(2, 0)]
    assert truths > 100_000
    assert coverage > 0.9


def test_each_statement_to_try_next_runs(demo):
    folder, out = demo
    lines = out.partition("Try next")[2].splitlines()
    commands = [line for before, line in pairwise(lines) if before.startswith("# ")]
    assert len(commands) == 4
    for command in commands:
        tried = subprocess.run(command, shell=True, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
        assert (tried.returncode, tried.stderr) == (0, "")
        assert len(tried.stdout.splitlines()) > 5
    assert "import sqlml" not in commands[3]
    assert "sqlml.predict_flight_late" in commands[3]


def test_what_it_leaves_is_in_step_with_its_files(demo):
    folder, _ = demo
    assert run(folder, "verify", "flights.duckdb").returncode == 0


def test_a_file_that_is_there_is_not_replaced_unasked(demo):
    folder, _ = demo
    before = (folder / "flights.duckdb").stat()
    done = run(folder, "demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ML001 flights.duckdb exists already")
    assert (folder / "flights.duckdb").stat() == before


def test_without_dbt_it_says_how_to_install_it(tmp_path):
    text = "import sys; sys.modules['dbt'] = None; from sqlml.cli import main; sys.argv = ['sqlml', 'demo']; main()"
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    said = "ML070 sqlml demo runs a dbt project, and dbt is not installed: pip install 'sqlml[dbt]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    assert os.listdir(tmp_path) == []


def test_a_job_that_fails_says_why_and_keeps_its_log(tmp_path):
    text = (
        "import sqlml.report.demo as demo; demo.FIRST_DAY = 'the first of May'; "
        "import sys; from sqlml.cli import main; sys.argv = ['sqlml', 'demo']; main()"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ML000 dbt build failed: ")
    assert 'invalid date field format: "the first of May"' in done.stderr
    assert done.stderr.endswith("Its log is flights.dbt.log\n")
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["flights.dbt.log"]


@pytest.mark.parametrize("content", ["text", "database"])
def test_a_file_of_someone_else_is_never_replaced(tmp_path, content):
    path = tmp_path / "mine.duckdb"
    if content == "text":
        path.write_text("all my work")
    else:
        with duckdb.connect(str(path)) as plain:
            plain.execute("CREATE TABLE flight_predictions AS SELECT 'all my work' AS note")
    before = path.read_bytes()
    done = run(tmp_path, "demo", "mine.duckdb", "--force")
    assert (done.returncode, done.stdout) == (1, "")
    assert "was not made by sqlml demo" in done.stderr
    assert path.read_bytes() == before


def test_an_interrupt_leaves_what_was_there(demo):
    folder, _ = demo
    names, before = sorted(os.listdir(folder)), (folder / "flights.duckdb").stat()
    with subprocess.Popen(
        [COMMAND, "demo", "--force"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted; flights.duckdb is as it was\n")
    assert sorted(os.listdir(folder)) == names
    assert (folder / "flights.duckdb").stat().st_mtime_ns == before.st_mtime_ns
