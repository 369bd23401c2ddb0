"""The scheduled job of its container, with dbt at work on a small project."""

import os
import signal
import subprocess
import sysconfig
import time

import pytest
from machine import ROOT

PROJECT = {
    "dbt_project.yml": "name: shop\nversion: 1.0.0\nprofile: shop\nvars: {today: none}\n",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('SHOP') }}", threads: 1}
""",
    "models/day.sql": "{{ config(materialized='table') }} SELECT '{{ var(\"today\") }}' AS today",
}


@pytest.fixture
def project(tmp_path):
    for name, text in PROJECT.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "project"


def environment(folder, **variables):
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    (folder / "tmp").mkdir(exist_ok=True)
    places = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder / "tmp"), "SHOP": str(folder / "shop.duckdb")}
    return places | {"JOB_PROJECT": str(folder / "project"), "JOB_STATE": str(folder / "state")} | variables


def test_the_job_of_a_day_leaves_the_project_as_it_was(project, tmp_path):
    import duckdb

    before = sorted(project.rglob("*"))
    build = [ROOT / "container" / "dbt_build", project, "--quiet"]
    done = subprocess.run(build, env=environment(tmp_path, JOB_DAY="2024-05-31"), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(tmp_path / "shop.duckdb"), read_only=True) as con:
        assert con.execute("SELECT today FROM day").fetchall() == [("2024-05-31",)]
    assert sorted(project.rglob("*")) == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_project_with_a_script_of_its_own_has_that_run(project, tmp_path):
    (project / "job.sh").write_text('echo "$PWD $*" > "$HOME/said"\nexit 3\n')
    build = [ROOT / "container" / "dbt_build", project, "--target", "postgres"]
    done = subprocess.run(build, env=environment(tmp_path, JOB_DAY="2024-05-31"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    folder, *arguments = (tmp_path / "said").read_text().split()
    assert arguments == ["2024-05-31", "--target", "postgres"]
    assert folder != str(project)


def test_it_runs_at_once_and_then_by_the_clock_and_stops_when_it_is_told_to(project, tmp_path):
    (project / "job.sh").write_text('echo run >> "$HOME/runs"\ntest ! -e "$HOME/broken"\n')
    job = started(tmp_path, JOB_EVERY="1", JOB_AT="0")
    try:
        wait_until(lambda: lines(tmp_path / "state" / "last") == ["done"])
        (tmp_path / "broken").touch()
        wait_until(lambda: lines(tmp_path / "state" / "last") == ["failed"])
        (tmp_path / "broken").unlink()
        wait_until(lambda: lines(tmp_path / "state" / "last") == ["done"])
        assert len(lines(tmp_path / "runs")) >= 3
    finally:
        assert stopped(job) == 143


def test_a_run_that_is_under_way_stops_with_it(project, tmp_path):
    (project / "job.sh").write_text('echo $$ > "$HOME/pid"\nexec sleep 60\n')
    job = started(tmp_path)
    try:
        wait_until(lambda: lines(tmp_path / "pid"))
    finally:
        assert stopped(job) == 143
    (pid,) = lines(tmp_path / "pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert lines(tmp_path / "state" / "last") == []


def started(folder, **variables):
    return subprocess.Popen(
        [ROOT / "container" / "job"], env=environment(folder, **variables), stdout=subprocess.DEVNULL
    )


def stopped(job):
    job.send_signal(signal.SIGTERM)
    return job.wait(timeout=20)


def lines(file):
    return file.read_text().split() if file.exists() else []


def wait_until(is_so):
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
