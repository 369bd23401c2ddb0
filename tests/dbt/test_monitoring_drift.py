"""Drift as a test of the package, and as a reason to train again: both look at the newest window."""

import json

import pytest

CUSTOMER = """
{{ config(materialized='table') }}
SELECT i AS customer_id, 18 + (i * 7919) % 61 AS age, CASE i % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'pro' END
       AS plan, CASE WHEN i BETWEEN 1200 AND 1599 THEN 15 ELSE 0 END + (i * 31) % 20 AS visits,
       (i * 31) % 20 < 6 OR i % 17 = 0 AS churned,
       CAST(TIMESTAMP '2024-01-01' + i * INTERVAL '1 hour' AS TIMESTAMP) AS seen_at
FROM range({{ var('until', 800) }}) AS g(i)
"""

CHURN = """
{{ config(
  materialized='ml_model', target_column='churned', key_column='customer_id', time_column='seen_at',
  hyperparams={'n_estimators': 20}, retrain='when_drifted', deploy=var('deploy', 'gated')
) }}
SELECT * FROM {{ ref('customer') }}
"""

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at') }}
-- depends_on: {{ ref('churn') }}
SELECT * FROM {{ ref('customer') }} WHERE customer_id >= 800
"""

WATCHED = """
{{ config(materialized='ml_monitoring', model='churn', key_column='customer_id', every=var('every', 'week')) }}
SELECT * FROM {{ ref('kept') }}
"""

TESTS = """
models:
  - name: watched
    data_tests:
      - sqlml.drift_below: {name: any_column, arguments: {at_most: 0.5}}
      - sqlml.drift_below: {name: two_columns, arguments: {at_most: 0.5, columns: [age, plan]}}
      - sqlml.drift_below: {name: by_distance, arguments: {at_most: 0.3, metric: jensen_shannon_distance_base2}}
      - sqlml.drift_below: {name: no_column, arguments: {at_most: 0.5, columns: [agee]}}
      - sqlml.drift_below: {name: no_metric, arguments: {at_most: 0.5, metric: psy}}
  - name: churn
    data_tests:
      - sqlml.drift_below: {name: by_model, arguments: {at_most: 0.5}}
  - name: kept
    columns:
      - name: prediction
        data_tests:
          - sqlml.drift_below: {name: by_prediction, arguments: {at_most: 5}}
"""

NAMES = ("any_column", "two_columns", "by_distance", "no_column", "no_metric", "by_model", "by_prediction")


def until(hour, **variables):
    return ("--vars", json.dumps({"until": hour, **variables}))


def statuses(job, *arguments):
    run = job.dbt("test", "-s", *NAMES, *arguments)
    return {name: run.status(name) for name in NAMES}, run


@pytest.fixture(scope="module")
def job(shop):
    """A shop whose model has learned from 800 hours; nothing was predicted or monitored yet."""
    for name, text in {"customer": CUSTOMER, "churn": CHURN, "kept": KEPT, "watched": WATCHED}.items():
        shop.model(name, text)
    shop.write("models/tests.yml", TESTS)
    run = shop.dbt("run")
    assert run.success, run.text
    return shop


def test_what_was_never_monitored_has_not_drifted(job):
    assert statuses(job)[0] == dict.fromkeys(NAMES, "pass")
    assert job.dbt("run", *until(800)).message("churn") == "version 1 kept"


def test_a_window_like_the_rows_of_training_passes(job):
    run = job.dbt("run", *until(1175))
    assert run.message("churn") == "version 1 kept"  # new rows are no reason
    found, run = statuses(job)
    assert found == dict.fromkeys(NAMES, "pass") | {"no_column": "fail", "no_metric": "fail"}
    assert "drift_below: psi of 'agee' of churn was not measured in the window from" in run.text
    assert "drift_below: psy of 'any column' of churn was not measured in the window from" in run.text


def test_a_handful_of_rows_above_the_limit_is_chance(job):
    assert job.dbt("run", "--exclude", "churn", *until(1180)).success
    assert job.sql("SELECT predictions, greatest_psi > 0.5 FROM watched ORDER BY window_end DESC LIMIT 1") == [
        (4, True)
    ]
    found, run = statuses(job)
    assert found["any_column"] == "pass", run.text


def test_a_column_that_has_drifted_fails_and_is_named(job):
    assert job.dbt("run", "--exclude", "churn", *until(1600)).success
    found, run = statuses(job)
    expected = {"any_column": "fail", "two_columns": "pass", "by_distance": "fail", "by_model": "fail"}
    assert {name: found[name] for name in expected} == expected
    ((psi, start, end),) = job.sql(
        "SELECT value, window_start, window_end FROM sqlml.latest_drift "
        "WHERE metric = 'psi' AND column_name = 'visits' ORDER BY window_end DESC LIMIT 1"
    )
    assert f"psi of 'visits' of churn@1 is {psi:.4f}, and 0.5 at most is allowed, from {start} to {end}" in run.text
    assert "psi of 'age' of churn@1" not in run.text


def test_the_rows_of_a_failing_test_say_what_has_drifted(job):
    assert job.dbt("test", "-s", "any_column", "--store-failures").status("any_column") == "fail"
    rows = job.sql("SELECT model, version, column_name, metric, at_most FROM main_dbt_test__audit.any_column")
    assert ("churn", 1, "visits", "psi", 0.5) in rows


def test_drift_is_a_reason_to_train_once_until_a_window_was_monitored_since(job):
    said = [job.dbt("run", *until(1600, deploy="never")).message("churn") for _ in range(2)]
    assert said[0].startswith("version 2, "), said
    assert said[1] == "version 1 kept"
    assert job.sql("SELECT count(*) > 0 FROM sqlml.alert WHERE closed_at IS NULL AND source = 'drift'") == [(True,)]
    # Predictions of version 1 come in, their window is monitored, and the alert holds: that is news.
    assert job.dbt("run", "--exclude", "churn", *until(1610)).message("watched").startswith("1 windows monitored")
    run = job.dbt("run", *until(1610, deploy="always"))
    assert run.message("churn").startswith("version 3, ")
    # Version 3 answers now, and the alerts are about version 1.
    run = job.dbt("run", *until(1700))
    assert run.message("churn") == "version 3 kept"


def test_a_drift_that_is_over_fails_no_more(job):
    assert job.dbt("run", "-s", "customer", "kept", "watched", *until(2200)).success
    job.sql("CALL sqlml.deploy('churn', 1)")
    job.sql("DELETE FROM kept WHERE version <> 1")
    assert job.dbt("run", "-s", "customer", "kept", "watched", *until(2200)).success
    found, run = statuses(job)
    assert found["any_column"] == "pass", run.text
