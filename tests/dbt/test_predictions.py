"""Predictions: in any SELECT, and as a table that grows."""

import json
import subprocess
import sys

import pytest

SCORED = """
{{ config(materialized=var('as', 'table')) }}
SELECT customer_id,
       {{ sqlml.predict(ref('churn'), 'c', version=var('pin', none)) }} AS p,
       {{ sqlml.predict_label(ref('churn'), 'c', version=var('pin', none)) }} AS label,
       {{ sqlml.predict_proba(ref('churn'), 'c', version=var('pin', none)) }} AS shares,
       {{ sqlml.predict_version(ref('churn'), version=var('pin', none)) }} AS version
FROM {{ ref('customer') }} AS c
"""

KEPT = """
{{ config(
  materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at',
  version=var('pin', none), rescore=var('rescore', false)
) }}
-- depends_on: {{ ref('churn') }}
SELECT * FROM {{ ref('customer') }} WHERE {{ var('only', 'TRUE') }} -- the days that have come
"""


@pytest.fixture(scope="module")
def trained(shop):
    """A shop with two versions, of which the first is live."""
    for _ in range(2):
        assert shop.dbt("run").success
    shop.model("scored", SCORED)
    return shop


def variables(**values):
    return ("--vars", json.dumps(values))


def plain(job, statement):
    """The rows of a statement for a client that has only DuckDB."""
    job.release()
    text = f"import duckdb; print(duckdb.connect({str(job.path)!r}, read_only=True).execute({statement!r}).fetchall())"
    return eval(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout)


BY_FUNCTION = """SELECT count(*), count(*) FILTER (p <> predict('churn@{0}', c)),
count(*) FILTER (label <> predict_label('churn@{0}', c)), min(version), max(version),
count(*) FILTER (abs((shares->>'true')::DOUBLE - p) > 1e-12)
FROM scored JOIN customer AS c USING (customer_id)"""


def test_a_table_is_written_by_the_version_that_is_live_and_names_it(trained):
    assert trained.dbt("run", "-s", "scored").success
    assert "sqlml.predict('churn@1', c)" in (trained.root / "target/compiled/shop/models/scored.sql").read_text()
    assert trained.sql(BY_FUNCTION.format(1)) == [(800, 0, 0, 1, 1, 0)]


def test_a_table_can_be_pinned_to_a_version(trained):
    assert trained.dbt("run", "-s", "scored", *variables(pin=2)).success
    assert trained.sql(BY_FUNCTION.format(2)) == [(800, 0, 0, 2, 2, 0)]


def test_a_view_needs_nothing_installed_and_follows_what_is_live(trained):
    assert trained.dbt("run", "-s", "scored", *variables(**{"as": "view"})).success
    before = plain(trained, "SELECT * FROM scored ORDER BY 1")
    assert {row[-1] for row in before} == {1}
    trained.sql("CALL sqlml.deploy('churn', 2)")
    after = plain(trained, "SELECT * FROM scored ORDER BY 1")
    assert {row[-1] for row in after} == {2}
    assert [row[1] for row in after] == [
        row[0] for row in trained.sql("SELECT predict('churn@2', c) FROM customer AS c ORDER BY customer_id")
    ]
    trained.sql("CALL sqlml.rollback('churn')")


@pytest.mark.parametrize("pin", [2, 1])
def test_a_view_cannot_be_pinned(trained, pin):
    run = trained.dbt("run", "-s", "scored", *variables(**{"as": "view", "pin": pin}))
    assert "answers with the version of 'churn' that is live when it is read" in run.message("scored")
    assert "materialized='table'" in run.message("scored")


def test_an_ephemeral_node_serves_a_view_and_a_table(trained):
    late = "{{ config(materialized='view') }} SELECT count(*) AS n FROM {{ ref('scored') }} WHERE p > 0.5"
    with trained.added(late=late):
        assert trained.dbt("run", "-s", "late", *variables(**{"as": "ephemeral"})).success
    assert plain(trained, "SELECT n > 0 FROM late") == [(True,)]


def test_a_model_can_be_named_in_text_and_by_alias(trained):
    trained.sql("CALL sqlml.deploy('churn', 2, alias => 'next')")
    named = (
        "{{ config(materialized='table') }} SELECT {{ sqlml.predict('churn', 'c') }} AS p, "
        "{{ sqlml.predict('churn@next', 'c') }} AS q FROM {{ ref('customer') }} AS c"
    )
    with trained.added(named=named):
        assert trained.dbt("run", "-s", "named").success
    compiled = (trained.root / "target/compiled/shop/models/named.sql").read_text()
    assert "sqlml.predict('churn@1', c) AS p, sqlml.predict('churn@next', c) AS q" in compiled


def test_what_is_no_model_and_what_was_never_trained_are_refused(trained):
    asking = "SELECT {{ sqlml.predict(ref('%s'), 'c') }} AS p FROM {{ ref('customer') }} AS c"
    unborn = "{{ config(materialized='ml_model', target_column='churned') }} SELECT * FROM {{ ref('customer') }}"
    with trained.added(wrong=asking % "customer", early=asking % "unborn", unborn=unborn):
        run = trained.dbt("run", "-s", "wrong", "early")
        assert "does not come from a node that is materialized as ml_model; give ref() of one" in run.message("wrong")
        assert "model 'unborn' has no live version; run its ml_model node first" in run.message("early")
        assert trained.dbt("compile", "-s", "early").success
        assert trained.dbt("docs", "generate", "-s", "early", "unborn").success


@pytest.fixture
def kept(trained):
    """The shop with a node of predictions that has not run, and version 1 live."""
    trained.model("kept", KEPT)
    trained.sql("CALL sqlml.deploy('churn', 1)")
    trained.sql("DROP TABLE IF EXISTS kept; DELETE FROM sqlml.prediction_table")
    return trained


def added(job, only, *arguments, **settings):
    """What a run says that asks for these rows."""
    run = job.dbt("run", "-s", "kept", *arguments, *variables(only=only, **settings))
    assert run.success, run.text
    return run.message("kept")


def counted(job):
    return job.sql(
        "SELECT version, count(*), count(DISTINCT (customer_id, event_time)) FROM kept GROUP BY 1 ORDER BY 1"
    )


def test_predictions_fill_what_is_missing_and_add_nothing_twice(kept):
    steps = [
        ("customer_id BETWEEN 100 AND 299", 200),
        ("customer_id BETWEEN 100 AND 299", 0),
        ("customer_id BETWEEN 500 AND 599", 100),  # periods were missed in between
        ("customer_id < 600", 300),  # rows that came late, and the missed periods
        ("FALSE", 0),  # an empty day
    ]
    assert [added(kept, only) for only, _ in steps] == [f"{rows} rows added by version 1" for _, rows in steps]
    assert counted(kept) == [(1, 600, 600)]


def test_a_new_version_answers_for_new_rows_only(kept):
    added(kept, "customer_id < 600")
    kept.sql("CALL sqlml.deploy('churn', 2)")
    assert added(kept, "customer_id < 700") == "100 rows added by version 2"
    assert counted(kept) == [(1, 600, 600), (2, 100, 100)]
    assert kept.sql("SELECT DISTINCT model, alias, role FROM kept") == [("churn", "champion", "champion")]


def test_a_version_can_be_pinned(kept):
    kept.sql("CALL sqlml.deploy('churn', 2)")
    assert added(kept, "customer_id < 10", pin=1) == "10 rows added by version 1"
    assert added(kept, "customer_id < 10", pin=2) == "0 rows added by version 2"


def test_a_new_version_can_be_asked_about_all_rows_again(kept):
    added(kept, "customer_id < 50")
    kept.sql("CALL sqlml.deploy('churn', 2)")
    assert added(kept, "customer_id < 50", rescore=True) == "50 rows added by version 2"
    assert added(kept, "customer_id < 50", rescore=True) == "0 rows added by version 2"


def test_a_full_refresh_rebuilds_by_what_is_live(kept):
    added(kept, "customer_id < 600")
    kept.sql("CALL sqlml.deploy('churn', 2)")
    assert added(kept, "TRUE", "--full-refresh") == "800 rows added by version 2"
    assert counted(kept) == [(2, 800, 800)]
    assert kept.sql("SELECT relation, key_column, time_column FROM sqlml.prediction_table") == [
        ("main.kept", "customer_id", "seen_at")
    ]
    assert kept.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'kept%'") == [(1,)]


def test_what_a_killed_full_refresh_left_behind_is_not_monitored(kept):
    added(kept, "customer_id < 600")
    kept.sql(
        "CALL sqlml.score('churn', 'SELECT * FROM customer', 'kept__dbt_tmp', 'customer_id', time_column => 'seen_at')"
    )
    assert kept.sql("SELECT count(*) FROM sqlml.prediction_table") == [(2,)]
    assert added(kept, "customer_id < 600") == "0 rows added by version 1"
    assert kept.sql("SELECT relation FROM sqlml.prediction_table") == [("main.kept",)]
    assert kept.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'kept%'") == [(1,)]


def test_a_view_of_the_same_name_makes_room(kept):
    kept.sql("CREATE VIEW main.kept AS SELECT 1 AS old")
    assert added(kept, "TRUE") == "800 rows added by version 1"
    kept.sql("DROP TABLE kept")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            KEPT.replace("-- depends_on: {{ ref('churn') }}", ""),
            "Add this line to its SELECT: -- depends_on: {{ ref('churn') }}",
        ),
        (KEPT.replace("model='churn', ", ""), "ml_predictions needs model and key_column in its config"),
        (KEPT.replace("model='churn'", "model='chrun'"), "ML010 there is no model 'chrun'; closest: churn"),
        (KEPT.replace("SELECT *", "SELECT * EXCLUDE (age)"), "lacks column 'age'"),
        (KEPT.replace("SELECT *", "SELECT * REPLACE (visits || ' times' AS visits)"), "ML020 model 'churn@1'"),
        (KEPT.replace("SELECT *", "SELECT * REPLACE (NULL::BIGINT AS customer_id)"), "ML021"),
    ],
    ids=["lineage", "config", "name", "column", "type", "key"],
)
def test_what_is_wrong_is_said_and_changes_nothing(kept, text, said):
    added(kept, "customer_id < 10")
    kept.model("kept", text)
    run = kept.dbt("run", "-s", "kept", "--full-refresh")
    kept.model("kept", KEPT)
    assert run.status("kept") == "error"
    assert said in run.message("kept")
    assert "Traceback" not in run.text
    assert counted(kept) == [(1, 10, 10)]


def test_nothing_is_printed_but_by_dbt(kept):
    job = kept.process("build")
    out, err = job.communicate(timeout=120)
    assert (job.returncode, err) == (0, ""), out
    assert out.splitlines()[-1].endswith("Done. PASS=4 WARN=0 ERROR=0 SKIP=0 NO-OP=0 TOTAL=4")
