"""Jobs that are killed, shut out, or have nothing to do; the next run recovers without a person."""

import duckdb
import pytest

import sqlml

PAUSE = """
{{ config(materialized='table') }}
-- depends_on: {{ ref('churn') }}
SELECT count(*) AS n FROM range({{ var('long', 10) }}) AS a(i), range({{ var('long', 10) }}) AS b(j) WHERE i * j % 7 = 3
"""

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id') }}
-- depends_on: {{ ref('churn') }} {{ ref('pause') }}
SELECT * FROM {{ ref('customer') }} WHERE seen_at < TIMESTAMP '{{ var("until", "2030-01-01") }}'
"""


@pytest.fixture(scope="module")
def job(shop):
    shop.model("pause", PAUSE)
    shop.model("kept", KEPT)
    return shop


def killed_after(job, said, *arguments):
    """Start a run and kill it as soon as a line says this; gives what it printed."""
    child = job.process("run", *arguments)
    lines = []
    for line in child.stdout:
        lines.append(line)
        if said in line:
            child.kill()
    child.communicate()
    assert child.returncode == -9
    return "".join(lines)


def test_a_job_killed_between_training_and_predicting_is_made_good_by_the_next(job):
    printed = killed_after(job, "START sql table model main.pause", "--vars", "{long: 1000000}")
    assert "OK created sql ml_model" in printed
    assert job.sql("SELECT version, is_live FROM churn") == [(1, True)]
    assert job.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'kept'") == [(0,)]
    run = job.dbt("run")
    assert run.success, run.text
    assert run.message("kept") == "800 rows added by version 1"
    assert job.sql("SELECT count(*) FROM churn") == [(2,)]


def test_a_job_killed_while_training_leaves_everything_as_it_was(job):
    assert job.dbt("run").success
    before = job.sql("SELECT count(*), (SELECT count(*) FROM sqlml.run) FROM churn")
    slow = "{{ config(materialized='ml_model', target_column='y', hyperparams={'n_estimators': 100000}) }}"
    with job.added(slow=slow + " SELECT i AS x, hash(i) % 3 = 0 AS y FROM range(100000) AS g(i)"):
        killed_after(job, "START sql ml_model model main.slow", "-s", "slow")
    assert job.sql("SELECT count(*), (SELECT count(*) FROM sqlml.run) FROM churn") == before


def test_an_empty_day_adds_nothing_and_says_so(job):
    assert job.dbt("run").success
    run = job.dbt("run", "-s", "kept", "--vars", "{until: 2000-01-01}")
    assert (run.status("kept"), run.message("kept")) == ("success", "0 rows added by version 1")


def test_an_empty_day_on_a_new_table_makes_it(job):
    run = job.dbt("run", "-s", "kept", "--full-refresh", "--vars", "{until: 2000-01-01}")
    assert run.message("kept") == "0 rows added by version 1"
    assert job.sql("SELECT count(*) FROM kept") == [(0,)]


def test_a_second_job_on_the_file_is_told_who_holds_it_and_can_come_later(job):
    job.release()
    holder = duckdb.connect(str(job.path))
    child = job.process("run", "-s", "kept")
    out, err = child.communicate(timeout=60)
    holder.close()
    assert (child.returncode, err) == (2, "")
    assert "ML061 IO Error: Could not set lock on file" in out
    assert "One process at a time can open a DuckDB file" in out
    assert "Traceback" not in out
    assert job.dbt("run", "-s", "kept").success


def test_a_file_of_a_newer_sqlml_is_left_alone_and_says_what_to_do(tmp_path, shop):
    path = tmp_path / "newer.duckdb"
    with sqlml.connect(path) as con:
        con.execute("INSERT INTO sqlml.migration VALUES ('9999_future.sql', 'hash', TIMESTAMP '2024-01-01')")
    shop.release()
    shop.write("profiles.yml", (shop.root / "profiles.yml").read_text().replace(str(shop.path), str(path)))
    run = shop.dbt("run", "-s", "customer")
    shop.write("profiles.yml", (shop.root / "profiles.yml").read_text().replace(str(path), str(shop.path)))
    assert not run.success
    assert "ML070 the database was made by a newer sqlml (9999_future.sql); upgrade the package" in run.text
