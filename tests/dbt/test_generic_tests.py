"""Each generic test of the package passes where it should, and fails where it should, with the rows that say why."""

import pytest

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at') }}
-- depends_on: {{ ref('churn') }}
SELECT * REPLACE (CASE WHEN customer_id = 7 THEN '{{ var("plan", "basic") }}' ELSE plan END AS plan)
FROM {{ ref('customer') }} WHERE customer_id < {{ var('until', 800) }}
"""

FEATURES = """
SELECT customer_id, {{ var('age', 'age') }}, plan, visits FROM {{ ref('customer') }} WHERE {{ var('some', 'TRUE') }}
"""

TESTS = """
models:
  - name: churn
    data_tests:
      - sqlml.metric_at_least: {{name: at_least, arguments: {{metric: roc_auc, value: {floor}}}}}
      - sqlml.metric_at_most: {{name: at_most, arguments: {{metric: log_loss, value: {ceiling}}}}}
      - sqlml.metric_at_least: {{name: unknown_metric, arguments: {{metric: {metric}, value: 0}}}}
      - sqlml.beats_baseline: {{name: baseline, arguments: {{by: {gain}, confident: true}}}}
      - sqlml.beats_champion: {{name: champion}}
  - name: kept
    data_tests:
      - sqlml.no_unseen_categories: {{name: unseen}}
      - sqlml.predictions_fresh: {{name: fresh, arguments: {{within: 1 day}}}}
      - sqlml.predictions_fresh: {{name: recent, arguments: {{within: 1 hour, time_column: event_time, now: '{now}'}}}}
      - sqlml.predictions_complete:
          name: complete
          arguments: {{of: ref('customer'), key_column: customer_id, time_column: seen_at, only: visits < 100}}
  - name: features
    data_tests:
      - sqlml.feature_contract: {{name: contract, arguments: {{ml_model: ref('churn')}}}}
"""

KIND = {"floor": 0.6, "ceiling": 0.69, "metric": "f1", "gain": 0.1, "now": "2024-02-03 08:00:00"}
STRICT = {"floor": 0.99, "ceiling": 0.01, "metric": "beauty", "gain": 0.4999, "now": "2024-02-03 08:00:01"}


@pytest.fixture(scope="module")
def built(shop):
    """The shop with all tests after one run, and what the run said."""
    for name, text in {"kept": KEPT, "features": FEATURES}.items():
        shop.model(name, text)
    shop.write("models/tests.yml", TESTS.format(**KIND))
    return shop, shop.dbt("build", "--exclude", "champion")


@pytest.fixture
def tested(built):
    return built[0]


def statuses(run, *names):
    return {name: run.status(name) for name in names}


def test_all_pass_where_all_is_well(built):
    _, run = built
    assert run.success, run.text
    names = ("at_least", "at_most", "unknown_metric", "baseline", "unseen", "fresh", "recent", "complete", "contract")
    assert statuses(run, *names) == dict.fromkeys(names, "pass")


def test_thresholds_and_unknown_metrics_fail(tested):
    tested.write("models/tests.yml", TESTS.format(**STRICT))
    names = ("at_least", "at_most", "unknown_metric", "baseline", "recent")
    run = tested.dbt("test", "-s", *names)
    assert statuses(run, *names) == dict.fromkeys(names, "fail")
    ((auc,), (loss,)) = tested.sql(
        "SELECT value FROM sqlml.metric WHERE model = 'churn' AND dataset = 'test' AND slice_key IS NULL "
        "AND metric IN ('roc_auc', 'log_loss') ORDER BY metric DESC"
    )
    assert f"metric_at_least: roc_auc of churn@1 is {auc:.4f}, and 0.99 at least is allowed" in run.text
    assert f"metric_at_most: log_loss of churn@1 is {loss:.4f}, and 0.01 at most is allowed" in run.text
    assert "metric_at_least: beauty of churn@1 was not measured on held-out rows, and 0 at least" in run.text
    tested.write("models/tests.yml", TESTS.format(**KIND))


def test_a_model_without_a_live_version_fails(tested):
    tested.sql("UPDATE sqlml.deployment SET valid_to = valid_from WHERE model = 'churn'")
    names = ("at_least", "at_most", "baseline")
    assert statuses(tested.dbt("test", "-s", *names), *names) == dict.fromkeys(names, "fail")
    tested.sql("UPDATE sqlml.deployment SET valid_to = NULL WHERE model = 'churn'")


def test_a_candidate_that_is_no_better_than_the_champion_fails(tested):
    assert tested.dbt("test", "-s", "champion").status("champion") == "pass"  # there is only one
    run = tested.dbt("build", "-s", "churn")
    assert run.status("champion") == "fail"
    assert run.status("at_least") == "pass"


def test_an_unseen_category_fails_until_a_later_run_has_none(tested):
    run = tested.dbt("build", "-s", "kept", "--full-refresh", "--vars", "{plan: gold, until: 799}")
    assert (run.status("unseen"), run.status("complete")) == ("fail", "fail")
    run = tested.dbt("build", "-s", "kept")
    assert run.message("kept") == "1 rows added by version 1"
    assert (run.status("unseen"), run.status("complete")) == ("pass", "pass")


def test_predictions_that_are_old_or_not_there_fail(tested):
    tested.sql("UPDATE kept SET predicted_at = predicted_at - INTERVAL 25 HOURS")
    assert tested.dbt("test", "-s", "fresh").status("fresh") == "fail"
    tested.sql("DELETE FROM kept")
    names = ("fresh", "recent", "complete")
    assert statuses(tested.dbt("test", "-s", *names), *names) == dict.fromkeys(names, "fail")
    assert tested.dbt("run", "-s", "kept").success


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ("{age: customer_id AS years}", "ML020 model 'churn@1': the row lacks column 'age'"),
        ("{age: 'age::VARCHAR AS age'}", "ML020 model 'churn@1'"),
        ("{age: 'age::VARCHAR AS age', some: 'FALSE'}", "ML020 model 'churn@1'"),
    ],
    ids=["column", "type", "no rows"],
)
def test_features_that_the_model_cannot_read_break_the_contract(tested, variables, said):
    run = tested.dbt("build", "-s", "features", "--vars", variables)
    assert run.status("contract") == "error"
    assert said in run.message("contract")


def test_features_without_rows_keep_the_contract(tested):
    assert tested.dbt("build", "-s", "features", "--vars", "{some: 'FALSE'}").status("contract") == "pass"
