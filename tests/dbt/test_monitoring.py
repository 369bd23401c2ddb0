"""Truth and monitoring as nodes: what is new is measured, nothing twice, and the views are there to be read."""

import json

import pytest

SEEN = """
{{ config(materialized='table') }}
SELECT i AS customer_id, 18 + (i * 7919) % 60 AS age,
       CASE WHEN i >= 620 AND i < 650 THEN 'gold' WHEN i % 3 = 0 THEN 'basic' ELSE 'pro' END AS plan,
       CASE WHEN i >= {{ var('shift_from', 9999) }} THEN 15 ELSE 0 END + (i * 31) % 20 AS visits,
       (i * 31) % 20 < 6 OR i % 17 = 0 AS churned,
       CAST(TIMESTAMP '2024-01-01' + i * INTERVAL '1 hour' AS TIMESTAMP) AS seen_at,
       CAST(TIMESTAMP '2024-01-03' + i * INTERVAL '1 hour' AS TIMESTAMP) AS known_at
FROM range({{ var('customers', 1400) }}) AS g(i)
"""

CHURN = """
{{ config(
  materialized='ml_model', target_column='churned', key_column='customer_id', time_column='seen_at',
  features=['age', 'plan', 'visits'], hyperparams={'n_estimators': 20}, retrain=var('retrain', 'never_if_exists')
) }}
SELECT * FROM {{ ref('customer') }} WHERE customer_id < 600 OR seen_at < TIMESTAMP '{{ var("train_to", "2000-01-01") }}'
"""

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at') }}
-- depends_on: {{ ref('churn') }}
SELECT * FROM {{ ref('customer') }}
WHERE customer_id >= 600 AND seen_at < TIMESTAMP '{{ var("today", "2024-01-30") }}'
  AND customer_id NOT BETWEEN {{ var('late', [0, -1])[0] }} AND {{ var('late', [0, -1])[1] }}
"""

TRUTH = """
{{ config(
  materialized='ml_truth', model='churn', key_column='customer_id', truth_column='churned', observed_column='known_at'
) }}
SELECT c.* {{ var('said', '') }} FROM {{ ref('customer') }} AS c JOIN {{ ref('kept') }} USING (customer_id)
WHERE known_at < TIMESTAMP '{{ var("today", "2024-01-30") }}' -- what is known by now
"""

WATCHED = """
{{ config(
  materialized='ml_monitoring', model='churn', key_column='customer_id', every=var('every', 'day'),
  slices=var('slices', none)
) }}
-- depends_on: {{ ref('truth') }}
SELECT * FROM {{ ref('kept') }}
"""


def on(day, *arguments, **variables):
    return (*arguments, "--vars", json.dumps({"today": day, **variables}))


@pytest.fixture(scope="module")
def trained(shop):
    """A shop whose model learned from the first 25 days; the nodes after it have not run."""
    shop.model("customer", SEEN)
    shop.model("churn", CHURN)
    assert shop.dbt("run").success
    for name, text in {"kept": KEPT, "truth": TRUTH, "watched": WATCHED}.items():
        shop.model(name, text)
    return shop


@pytest.fixture
def job(trained):
    """The shop before anything was predicted."""
    trained.sql("DROP TABLE IF EXISTS kept; DELETE FROM sqlml.prediction_table; DELETE FROM sqlml.ground_truth")
    trained.sql("DELETE FROM sqlml.monitored_window; DELETE FROM sqlml.alert; DELETE FROM sqlml.drift_metric")
    trained.sql("DELETE FROM sqlml.performance_metric; DELETE FROM sqlml.profile_metric")
    return trained


def said(job, day, *arguments, **variables):
    """What the nodes of truth and monitoring say of a run on a day."""
    run = job.dbt("run", "--exclude", "churn", *on(day, *arguments, **variables))
    assert run.success, run.text
    return run.message("truth"), run.message("watched").split(",")[0]


def test_each_window_is_monitored_when_there_is_something_new_in_it(job):
    # Those that are predicted came from 26 January on, 24 a day; the truth of each is known two days later.
    assert said(job, "2024-01-27") == ("0 truths added", "1 windows monitored")
    assert said(job, "2024-01-27") == ("0 truths added", "0 windows monitored")
    # The next job comes late: three days are caught up, and the truth of two has become known, of which one is new.
    assert said(job, "2024-01-30") == ("48 truths added", "4 windows monitored")
    assert said(job, "2024-01-30") == ("0 truths added", "0 windows monitored")
    # A few rows of the last day come later than the others, and the truth of another day has become known.
    assert said(job, "2024-01-31", late=[700, 703]) == ("24 truths added", "2 windows monitored")
    assert said(job, "2024-01-31") == ("0 truths added", "1 windows monitored")
    check_that_each_window_stands_once(job)


def check_that_each_window_stands_once(job):
    days = job.sql("SELECT day(window_start), predictions, label_coverage FROM watched ORDER BY 1")
    assert days == [(26, 24, 1.0), (27, 24, 1.0), (28, 24, 1.0), (29, 24, 0.0), (30, 24, 0.0)]
    assert job.sql("SELECT count(*) FROM sqlml.monitored_window") == [(8,)]
    latest = "SELECT count(*), count(DISTINCT (window_start, column_name, metric)) FROM sqlml.latest_drift"
    ((rows, distinct),) = job.sql(latest)
    assert rows == distinct > 0


def test_the_view_says_what_the_tables_say(job):
    said(job, "2024-01-31", every="week")
    ((start, end, version, n, metric, value, at_training, coverage),) = job.sql(
        "SELECT window_start, window_end, version, predictions, metric, value, value_at_training, label_coverage "
        "FROM watched WHERE label_coverage > 0.5"
    )
    assert (str(start), str(end)) == ("2024-01-22 00:00:00", "2024-01-29 00:00:00")
    assert (version, n, metric, coverage) == (1, 72, "roc_auc", 1.0)
    assert [(value,)] == job.sql(
        "SELECT value FROM sqlml.latest_performance WHERE metric = 'roc_auc' AND window_end = DATE '2024-01-29'"
    )
    assert at_training == job.sql("SELECT value FROM sqlml.metric WHERE dataset = 'test' AND metric = 'roc_auc'")[0][0]
    said(job, "2024-01-31", every="day")
    assert job.sql("SELECT count(*) FROM watched WHERE window_end - window_start > INTERVAL '1 day'") == [(0,)]


def test_the_columns_that_the_view_and_the_output_name_are_those_that_alert(job):
    run = job.dbt("run", "--exclude", "churn", *on("2024-02-02", every="month", shift_from=600))
    ((newest, drifted, worst, mean),) = job.sql(
        "SELECT window_start, drifted_columns, greatest_psi, mean_prediction FROM watched "
        "QUALIFY row_number() OVER (ORDER BY window_end DESC) = 1"
    )
    alerts = job.sql("SELECT column_name FROM sqlml.alert WHERE source = 'drift' AND closed_at IS NULL")
    ((open_alerts,),) = job.sql("SELECT count(*) FROM sqlml.alert WHERE closed_at IS NULL")
    assert run.message("watched") == f"2 windows monitored, {open_alerts} alerts open"
    assert "alert (error): 'visits' of churn@1 has drifted: psi" in run.text
    assert str(newest) == "2024-02-01 00:00:00"
    assert sorted(drifted.split(", ")) == sorted(name for (name,) in alerts)
    assert "visits" in drifted
    assert [(worst,)] == job.sql(
        "SELECT max(value) FROM sqlml.latest_drift WHERE metric = 'psi' AND window_start = DATE '2024-02-01'"
    )
    assert mean == pytest.approx(
        job.sql("SELECT avg(prediction) FROM kept WHERE event_time >= DATE '2024-02-01'")[0][0], rel=1e-12
    )


def test_a_full_refresh_monitors_every_window_again(job):
    assert said(job, "2024-01-29")[1] == "3 windows monitored"
    run = job.dbt("run", "--full-refresh", "-s", "watched", *on("2024-01-29"))
    assert run.message("watched").startswith("3 windows monitored")
    assert job.sql("SELECT count(*) FROM watched") == [(3,)]


def test_slices_are_measured_apart(job):
    said(job, "2024-01-31", every="month", slices=["plan"])
    found = job.sql("SELECT DISTINCT slice_value FROM sqlml.latest_profile WHERE slice_key = 'plan' ORDER BY 1")
    assert found == [("basic",), ("gold",), ("pro",)]
    assert job.sql("SELECT count(*) FROM watched") == [(1,)]  # all rows only


def test_truth_can_be_corrected_and_the_view_shows_what_holds(job):
    assert said(job, "2024-01-30")[0] == "48 truths added"
    turned = ", NOT churned AS corrected, known_at + INTERVAL '12 hours' AS corrected_at"
    corrected = TRUTH.replace("'churned', observed_column='known_at'", "'corrected', observed_column='corrected_at'")
    job.model("truth", corrected)
    run = job.dbt("run", "-s", "truth", *on("2024-01-30", said=turned))
    job.model("truth", TRUTH)
    assert run.message("truth") == "48 truths added", run.text
    assert job.sql(
        "SELECT count(*), count(DISTINCT key), bool_and(value <> CAST(churned AS VARCHAR)), "
        "bool_and(observed_at = known_at + INTERVAL '12 hours') "
        "FROM truth JOIN customer ON CAST(customer_id AS VARCHAR) = key"
    ) == [(48, 48, True, True)]
    assert job.sql("SELECT count(*) FROM sqlml.ground_truth") == [(96,)]
    # The performance of these days is no longer what it was.
    assert said(job, "2024-01-30", said=turned)[1] == "2 windows monitored"


def test_nothing_to_predict_is_nothing_to_monitor(job):
    assert said(job, "2024-01-20") == ("0 truths added", "0 windows monitored")
    assert job.sql("SELECT count(*) FROM watched") == [(0,)]


WRONG = {
    "no_key": (
        WATCHED.replace("key_column='customer_id', ", ""),
        "ml_monitoring needs model, key_column in its",
    ),
    "no_window": (WATCHED.replace("every=var('every', 'day')", "every='fortnight'"), "every='fortnight' is unknown"),
    "no_model": (WATCHED.replace("model='churn'", "model='chrun'"), "there is no model 'chrun' yet"),
    "versioned": (WATCHED.replace("model='churn'", "model='churn@1'"), "there is no model 'churn@1' yet"),
    "no_table": (WATCHED.replace("ref('kept')", "ref('customer')"), "its SELECT lacks event_time, model, predicted_at"),
    "no_lineage": (
        WATCHED.replace("ref('truth')", "ref('customer')").replace("{{ ref('kept') }}", "main.kept"),
        "Add this line to its SELECT: -- depends_on: {{ ref('churn') }}",
    ),
    "no_truth": (TRUTH.replace("truth_column='churned', ", ""), "ml_truth needs model, key_column, truth_column in"),
    "no_column": (TRUTH.replace("'churned'", "'left'"), "ML021 truth_column => 'left' is no column"),
    "no_class": (TRUTH.replace("'churned'", "'plan'"), "ML021 target 'plan' has the value"),
    "null_key": (TRUTH.replace("SELECT c.*", "SELECT c.* REPLACE (NULL::INT AS customer_id)"), "ML021 48 rows of"),
}


def test_what_is_wrong_is_said_and_changes_nothing(job):
    said(job, "2024-01-30")
    written = "SELECT (SELECT count(*) FROM sqlml.ground_truth), (SELECT count(*) FROM sqlml.monitored_window)"
    before = job.sql(written)
    with job.added(**{name: text for name, (text, _) in WRONG.items()}):
        run = job.dbt("run", "-s", *WRONG, *on("2024-01-30"))
    assert {name: run.status(name) for name in WRONG} == dict.fromkeys(WRONG, "error")
    assert {name: text for name, (_, text) in WRONG.items() if text not in run.message(name)} == {}, run.text
    assert "Traceback" not in run.text
    assert job.sql(written) == before


def test_dbt_compiles_and_documents_the_nodes_with_their_lineage(job):
    job.sql("DROP VIEW IF EXISTS truth; DROP VIEW IF EXISTS watched")
    assert job.dbt("compile", "-s", "truth", "watched").success
    assert job.dbt("docs", "generate", "-s", "truth", "watched").success
    manifest = json.loads((job.root / "target" / "manifest.json").read_text())
    assert set(manifest["parent_map"]["model.shop.watched"]) == {"model.shop.truth", "model.shop.kept"}
