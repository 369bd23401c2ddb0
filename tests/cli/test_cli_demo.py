"""``sqlml demo``: the whole thread on the flights that are shipped, and the file that it leaves."""

import os
import re
import signal
import subprocess
import time
from itertools import pairwise

import duckdb
import pytest

from tests.cli.conftest import COMMAND

# One worker runs them all, so that the demo runs once.
pytestmark = pytest.mark.xdist_group("demo")

STEPS = ["features", "baseline", "train", "score", "evaluate", "done"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder in which the demo ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run([COMMAND, "demo"], cwd=folder, capture_output=True, encoding="utf-8", timeout=180)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def run(folder, *arguments):
    return subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, encoding="utf-8", timeout=180)


def test_every_step_says_what_it_did_and_how_long_it_took(demo):
    _, out = demo
    first = out.splitlines()[: len(STEPS)]
    assert [line.split()[0] for line in first] == STEPS
    assert all(re.search(r"\(\d+\.\d s\)$", line) for line in first[:-1])


def test_the_screen_shows_what_the_file_holds(demo):
    folder, out = demo
    with duckdb.connect(str(folder / "flights.duckdb"), read_only=True) as plain:
        late = plain.execute(
            "SELECT strftime(p.event_time, '%b %Y'), count(*), avg(p.prediction), avg(CAST(f.is_late AS INTEGER)) "
            "FROM flight_predictions AS p JOIN flight AS f USING (flight_id) GROUP BY ALL"
        ).fetchall()
        live = plain.execute("SELECT version, reason FROM sqlml.deployment WHERE valid_to IS NULL").fetchall()
        files = plain.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'flight_predictions'").fetchall()
    assert len(late) == 7
    for month, flights, predicted, actual in late:
        assert re.search(rf"{month} +{flights:,} +{predicted:.1%} +{actual:.1%} +0\.\d{{4}}", out)
    assert (live[0][0], files) == (2, [(1,)])
    assert live[0][1] in " ".join(out.split())


def test_each_statement_to_try_next_runs(demo):
    folder, out = demo
    lines = out.partition("Try next")[2].splitlines()
    commands = [line for before, line in pairwise(lines) if before.startswith("# ")]
    assert len(commands) == 3
    for command in commands:
        tried = subprocess.run(command, shell=True, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
        assert (tried.returncode, tried.stderr) == (0, "")
        assert len(tried.stdout.splitlines()) > 5
    assert "import sqlml" not in commands[2]
    assert "sqlml.predict_flight_late" in commands[2]


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
