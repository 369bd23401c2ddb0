"""The job of docs/dbt.md as cron and a CI system run it: what it exits with, what it says, and what it leaves."""

import re

import duckdb
import pytest
import yaml
from guide import GUIDE, command, file

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at') }}
-- depends_on: {{ ref('churn') }}
SELECT * FROM {{ ref('customer') }} WHERE seen_at < TIMESTAMP '{{ var("today") }}'
"""

CHECKED = """
{{ config(materialized='ml_checks', checks=[{'check': 'range', 'column': 'age', 'min': 16, 'max': MAX}]) }}
SELECT * FROM {{ ref('customer') }}
"""

GATE = """
models:
  - name: churn
    data_tests: [{{sqlml.metric_at_least: {{name: good_enough, arguments: {{metric: roc_auc, value: {floor}}}}}}}]
"""


@pytest.fixture(scope="module")
def scheduled(shop):
    """The shop with the job's script beside it, and a first day behind it."""
    shop.write("job.sh", file("job.sh"))
    shop.model("checked", CHECKED.replace("MAX", "110"))
    shop.model("churn", "-- depends_on: {{ ref('checked') }}\n" + (shop.root / "models" / "churn.sql").read_text())
    shop.model("kept", KEPT)
    shop.write("models/gate.yml", GATE.format(floor=0.5))
    done = job(shop, "2024-01-11")
    assert done.returncode == 0, done.stdout + done.stderr
    return shop


def job(shop, *arguments):
    shop.release()
    return command(shop.root, "bash", "job.sh", *arguments)


def published(shop, statement):
    with duckdb.connect(str(shop.root / "published" / "shop.duckdb"), read_only=True) as con:
        return con.execute(statement).fetchall()


LEFT = (
    "SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM churn), (SELECT min(version) FROM churn WHERE is_live)"
)


def test_a_day_ends_with_0_and_is_published_and_the_same_day_again_adds_nothing(scheduled):
    for said in ("240 rows added by version 1", "0 rows added by version 1"):
        done = job(scheduled, "2024-01-21")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"[{said} in" in done.stdout
        assert published(scheduled, "SELECT count(*), count(DISTINCT customer_id) FROM kept") == [(480, 480)]
        assert sorted(path.name for path in (scheduled.root / "published").iterdir()) == ["shop.duckdb"]


def test_a_gate_that_fails_stops_the_job_with_its_name_and_the_next_job_goes_on(scheduled):
    before = published(scheduled, LEFT)
    scheduled.write("models/gate.yml", GATE.format(floor=0.99))
    done = job(scheduled, "2024-01-25")
    scheduled.write("models/gate.yml", GATE.format(floor=0.5))
    assert (done.returncode, done.stderr) == (1, "")
    last = done.stdout[done.stdout.index("Completed with 1 error") :]
    assert "Failure in test good_enough (models/gate.yml)" in last
    assert re.search(r"metric_at_least: roc_auc of churn@\d+ is 0\.\d{4}, and 0\.99 at least is allowed", done.stdout)
    assert "SKIP relation main.kept" in done.stdout
    assert published(scheduled, LEFT) == before
    # Training came before the gate: its version is whole, and what was live still is.
    ((kept, versions, live),) = before
    assert scheduled.sql(LEFT) == [(kept, versions + 1, live)]
    assert job(scheduled, "2024-01-25").returncode == 0
    assert published(scheduled, LEFT) == [(kept + 96, versions + 2, live)]


def test_a_check_that_fails_stops_the_job_before_it_trains(scheduled):
    before = published(scheduled, LEFT)
    scheduled.model("checked", CHECKED.replace("MAX", "60"))
    done = job(scheduled, "2024-01-29")
    scheduled.model("checked", CHECKED.replace("MAX", "110"))
    assert (done.returncode, done.stderr) == (1, "")
    last = done.stdout[done.stdout.index("Completed with 1 error") :]
    assert "checks of 'checked' failed: range of age: expected" in last
    assert "SKIP relation main.churn" in done.stdout
    assert published(scheduled, LEFT) == before
    assert scheduled.sql(LEFT) == before
    assert scheduled.sql("SELECT count(*) FROM checked WHERE status = 'fail'") == [(1,)]  # what it found is kept


def test_a_job_that_cannot_begin_ends_with_2_and_says_who_has_the_file(scheduled):
    scheduled.release()
    with duckdb.connect(str(scheduled.path)):
        done = command(scheduled.root, "bash", "job.sh", "2024-01-25")
    assert done.returncode == 2
    assert "ML061 IO Error: Could not set lock on file" in done.stdout


@pytest.mark.parametrize("day", ["tomorrow", "2024-1-5", "2024-01-05', x: '1"])
def test_what_is_no_day_is_refused(scheduled, day):
    done = job(scheduled, day)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"job.sh: '{day}' is not a day such as 2024-05-31\n"


def test_the_line_of_cron_prints_only_where_the_job_fails(scheduled):
    (line,) = re.findall(r"^(?:[\d*]+ ){5}(cd .*)$", GUIDE.read_text(), re.MULTILINE)
    assert "bash job.sh" in line
    line = line.replace("/srv/shop", str(scheduled.root))
    scheduled.release()
    assert command(scheduled.root, "sh", "-c", line).stdout == ""  # today, which is after all days of the shop
    assert published(scheduled, "SELECT count(*) FROM kept") == [(800,)]
    scheduled.write("models/gate.yml", GATE.format(floor=0.99))
    done = command(scheduled.root, "sh", "-c", line)
    scheduled.write("models/gate.yml", GATE.format(floor=0.5))
    assert "Failure in test good_enough" in done.stdout


def test_the_workflow_runs_the_same_script_one_at_a_time(scheduled):
    workflow = yaml.safe_load(file(".github/workflows/daily.yml"))
    (when,) = workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as true
    assert re.fullmatch(r"(?:[\d*]+ ){4}[\d*]+", when["cron"])
    assert workflow["concurrency"] == {"group": "shop", "cancel-in-progress": False}
    steps = {step["name"]: step for step in workflow["jobs"]["daily"]["steps"] if "name" in step}
    assert "${{" not in steps["Build"]["run"]  # what a person types is data and never part of the script
    scheduled.release()
    for day, expected in (("2024-01-25", 0), ("$(touch gone)", 2)):
        run = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps["Build"]["run"]]
        assert command(scheduled.root, *run, DAY=day).returncode == expected
    assert not (scheduled.root / "gone").exists()
