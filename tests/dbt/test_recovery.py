"""Jobs that are killed, shut out, fed with what is wrong, or have nothing to do; the next run recovers by itself."""

import signal
import subprocess

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


def test_a_job_killed_while_predicting_leaves_a_table_that_is_whole(job):
    assert job.dbt("run").success
    counted = "SELECT count(*), count(DISTINCT customer_id) FROM kept"
    before = job.sql(counted)
    many = ("-s", "customer", "kept", "--vars", "{customers: 100000, until: 2100-01-01}")
    killed_after(job, "START sql ml_predictions model main.kept", *many)
    ((rows, keys),) = job.sql(counted)
    assert [(rows, keys)] in [before, [(100000, 100000)]]
    assert job.dbt("run", *many).message("kept") == f"{100000 - rows} rows added by version 1"
    assert job.dbt("run", "-s", "customer").success
    job.sql("DELETE FROM kept WHERE customer_id >= 800")


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("churn", ("SELECT *", "SELECT * EXCLUDE (churned)"), "ML001 target 'churned' is not a column of the relation"),
        ("churn", ("WHERE ", "WHERE FALSE AND "), "ML021"),
        (
            "customer",
            ("18 + (i * 7919) % 60 AS age", "(18 + (i * 7919) % 60)::VARCHAR AS age"),
            "ML020 model 'churn@1'",
        ),
        ("customer", ("AS age,", "AS years,"), "ML020 model 'churn@1': the row lacks column 'age'"),
    ],
    ids=["no target", "nothing to learn from", "another type", "no such column"],
)
def test_what_is_wrong_in_a_select_stops_the_job_and_is_forgotten_once_it_is_mended(job, name, wrong, said):
    assert job.dbt("run").success
    before = job.sql("SELECT (SELECT count(*) FROM churn), (SELECT count(*) FROM kept)")
    path = job.root / "models" / f"{name}.sql"
    text = path.read_text()
    keep_model = ("--vars", "{retrain: never_if_exists}") if name == "customer" else ()
    job.model(name, text.replace(*wrong))
    assert path.read_text() != text
    run = job.dbt("build", *keep_model)
    job.model(name, text)
    assert not run.success
    assert said in run.text
    assert "Traceback" not in run.text
    assert {run.status("kept")} & {"error", "skipped"}
    assert job.sql("SELECT (SELECT count(*) FROM churn), (SELECT count(*) FROM kept)") == before
    assert job.sql("SELECT version FROM churn WHERE is_live") == [(1,)]
    again = job.dbt("build", *keep_model)
    assert again.success, again.text
    assert again.message("kept") == "0 rows added by version 1"


def test_a_model_that_was_never_trained_is_named_and_the_whole_job_trains_it(job):
    asks = "SELECT {{ sqlml.predict(ref('unborn'), 'c') }} AS p FROM {{ ref('customer') }} AS c"
    unborn = "{{ config(materialized='ml_model', target_column='churned') }} SELECT * FROM {{ ref('customer') }}"
    keeps = KEPT.replace("'churn'", "'unborn'")
    with job.added(unborn=unborn, early=asks, keeps_early=keeps):
        alone = job.dbt("run", "-s", "early", "keeps_early")
        assert "model 'unborn' has no live version; run its ml_model node first" in alone.message("early")
        assert "ML010 there is no model 'unborn'" in alone.message("keeps_early")
        whole = job.dbt("run", "-s", "+early", "+keeps_early")
        assert whole.success, whole.text
    assert job.sql("SELECT count(*) FROM early WHERE p IS NOT NULL") == job.sql("SELECT count(*) FROM keeps_early")


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


def test_a_job_can_wait_for_the_file(job):
    job.release()
    profile = (job.root / "profiles.yml").read_text()
    job.write("profiles.yml", profile.replace("threads: 2", "threads: 2\n      retries: {connect_attempts: 8}"))
    with duckdb.connect(str(job.path)):
        child = job.process("run", "-s", "customer")
        with pytest.raises(subprocess.TimeoutExpired):  # without retries it ends within this time
            child.wait(timeout=8)
    out, err = child.communicate(timeout=60)
    job.write("profiles.yml", profile)
    assert (child.returncode, err) == (0, ""), out


def test_of_two_jobs_at_once_the_second_is_turned_away_and_the_first_goes_on(job):
    first = job.process("run", "-s", "pause", "kept", "--vars", "{long: 20000}")
    for line in first.stdout:
        if "START sql table model main.pause" in line:
            break
    first.send_signal(signal.SIGSTOP)  # it goes on when the second has ended
    second = subprocess.Popen(first.args, cwd=job.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert (second.returncode, err) == (2, "")
    assert f"(PID {first.pid})" in out
    assert "One process at a time can open a DuckDB file" in out
    rest, err = first.communicate(timeout=120)
    assert (first.returncode, err) == (0, ""), rest
    assert job.dbt("run", "-s", "pause", "kept").success


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
