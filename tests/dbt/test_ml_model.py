"""The materialization ml_model: it trains from its SELECT, and leaves its versions to be read."""

import json

import pytest

NOISE = """
{{ config(materialized='ml_model', target_column='label', time_column='day', deploy=var('deploy', 'gated')) }}
SELECT 1 AS x, DATE '2024-01-01' + CAST(i AS INTEGER) AS day, i % 2 = 0 AS label FROM range(200) AS g(i)
"""


@pytest.fixture(scope="module")
def built(shop):
    """The shop after one run, and what the run said."""
    run = shop.dbt("run")
    assert run.success, run.text
    return shop, run


def versions(job):
    return [row[0] for row in job.sql("SELECT version FROM sqlml.model_version WHERE model = 'churn' ORDER BY 1")]


def variables(**values):
    return ("--vars", json.dumps(values))


def test_a_run_trains_and_its_lines_say_version_metric_and_reason(built):
    _job, run = built
    assert run.message("churn").startswith("version 1, roc_auc 0.8")
    assert run.message("churn").endswith(", deployed")
    assert "model 'churn': version 1, roc_auc 0.8" in run.text
    assert "deployed: roc_auc 0.8" in run.text
    assert "beats the majority class" in run.text


def test_the_relation_has_a_row_for_each_version(built):
    job, _ = built
    ((model, version, rows, metric, value, baseline, is_live, reason),) = job.sql(
        "SELECT model, version, rows_trained, metric, value, baseline_value, is_live, reason FROM churn "
        "WHERE version = 1"
    )
    assert (model, version, rows, metric, baseline, is_live) == ("churn", 1, 600, "roc_auc", 0.5, True)
    assert value == job.sql("SELECT value FROM sqlml.metric WHERE dataset = 'test' AND metric = 'roc_auc'")[0][0]
    assert "beats the majority class" in reason
    assert job.sql("SELECT live_from FROM churn WHERE version = 1") == job.sql(
        "SELECT valid_from FROM sqlml.deployment WHERE version = 1"
    )


def test_the_lineage_leads_through_the_model(built):
    job, _ = built
    manifest = json.loads((job.root / "target" / "manifest.json").read_text())
    assert manifest["parent_map"]["model.shop.churn"] == ["model.shop.customer"]


def test_the_settings_reach_training(built):
    job, _ = built
    ((hyperparams, roles, relation),) = job.sql(
        "SELECT hyperparams, roles, training_relation FROM sqlml.model_version WHERE model = 'churn' AND version = 1"
    )
    assert json.loads(hyperparams)["num_iterations"] == 20
    assert json.loads(roles) == {"target": "churned", "key_column": "customer_id", "time_column": "seen_at"}
    assert relation.endswith("WHERE plan <> 'it''s free'")


@pytest.fixture(scope="module")
def again(built):
    """The second run on the same file and rows: the candidate is as good as what is live, and no better."""
    job, _ = built
    return job, job.dbt("run")


def test_a_second_run_adds_a_version_that_has_to_earn_its_place(again):
    job, run = again
    assert run.success
    assert run.message("churn").endswith("not deployed")
    assert job.sql("SELECT version, is_live, live_from IS NULL FROM churn ORDER BY 1") == [
        (1, True, False),
        (2, False, True),
    ]
    ((reason,),) = job.sql("SELECT reason FROM churn WHERE version = 2")
    assert reason.endswith("against majority; roc_auc 0.0000 against champion")


def test_a_job_can_be_told_to_stop_at_a_gate(again):
    job, _ = again
    run = job.dbt("run", "-s", "churn", *variables(strict=True))
    assert run.status("churn") == "error"
    assert "of model 'churn' was not deployed: roc_auc" in run.message("churn")
    assert "The version that was live stays live" in run.message("churn")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("never_if_exists", "it exists"),
        ("when_new_rows", "no new rows since its last training"),
        ("when_drifted", "no alert is open"),
    ],
)
def test_a_model_is_kept_where_there_is_no_reason_to_train(again, policy, said):
    job, _ = again
    before = versions(job)
    run = job.dbt("run", "-s", "churn", *variables(retrain=policy))
    assert run.message("churn") == "version 1 kept"
    assert f"model 'churn': version 1 kept, not trained again: {said}" in run.text
    assert versions(job) == before


def test_a_full_refresh_trains_whatever_the_policy(again):
    job, _ = again
    before = versions(job)
    assert job.dbt("run", "-s", "churn", "--full-refresh", *variables(retrain="never_if_exists")).success
    assert len(versions(job)) == len(before) + 1


def test_new_rows_are_a_reason_to_train(again):
    job, _ = again
    before = versions(job)
    run = job.dbt("run", *variables(retrain="when_new_rows", customers=900))
    assert run.message("churn").startswith(f"version {len(before) + 1}, ")
    run = job.dbt("run", *variables(retrain="when_new_rows", customers=900))
    assert run.message("churn").endswith(" kept")


def test_an_open_alert_about_the_live_version_is_a_reason_to_train(again):
    job, _ = again
    alert = """INSERT INTO sqlml.alert BY NAME SELECT '{0}' AS alert_id, '{0}' AS source, 'error' AS severity,
    'open' AS state, 'churn' AS model, {1} AS version, 'psi' AS metric, 'moved' AS message, TIMESTAMP '2024-01-01'
    AS window_start, TIMESTAMP '2024-01-02' AS window_end, TIMESTAMP '2024-01-02' AS opened_at, '{0}' AS dedup_key,
    'docs' AS runbook, 'r' AS run_id"""
    monitored = """INSERT INTO sqlml.monitored_window SELECT 'r', 'churn', TIMESTAMP '2024-01-01',
    TIMESTAMP '2024-01-02', 9, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)"""
    ((live,),) = job.sql("SELECT version FROM churn WHERE is_live")
    said = []
    for statement in [
        alert.format("label_coverage", live),
        alert.format("drift", live + 1),
        alert.format("drift", live),
        "UPDATE sqlml.alert SET closed_at = opened_at",
    ]:
        job.sql(statement)
        job.sql(monitored)
        said.append(job.dbt("run", "-s", "churn", *variables(retrain="when_drifted")).message("churn"))
    assert [message.endswith("kept") for message in said] == [True, True, False, True]
    job.sql("DELETE FROM sqlml.alert; DELETE FROM sqlml.monitored_window")


def test_an_unknown_policy_is_refused_with_the_known_ones(again):
    job, _ = again
    run = job.dbt("run", "-s", "churn", *variables(retrain="weekly"))
    assert "retrain='weekly' is unknown; known are always, when_new_rows, when_drifted" in run.message("churn")


def test_a_model_that_earns_no_place_fails_and_what_hangs_on_it_is_skipped(again):
    job, _ = again
    with job.added(noise=NOISE, after_noise="SELECT count(*) AS n FROM {{ ref('noise') }}"):
        run = job.dbt("run", "-s", "noise+")
        assert (run.status("noise"), run.status("after_noise")) == ("error", "skipped")
        assert "model 'noise' has no live version. Version 1 did not pass: roc_auc 0.5000" in run.message("noise")
        assert job.sql("SELECT version, is_live FROM noise") == [(1, False)]
        assert job.dbt("run", "-s", "noise+", *variables(deploy="never")).success
    assert job.sql("SELECT n FROM after_noise") == [(2,)]


@pytest.mark.parametrize(
    ("settings", "select", "said"),
    [
        ("target_column='gone'", "SELECT 1 AS a", "ML001 target 'gone' is not a column of the relation; known are: a"),
        ("target_column='y', algorithm='magic'", "SELECT 1 AS y", "ML001"),
        ("key_column='a'", "SELECT 1 AS a", "an ml_model needs target_column"),
        ("target_column='y', model_name='Not a name'", "SELECT 1 AS y", "ML002"),
        ("target_column='y'", "SELECT y FROM nowhere", "Table with name nowhere does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_sqlml(again, settings, select, said):
    job, _ = again
    with job.added(wrong=f"{{{{ config(materialized='ml_model', {settings}) }}}}\n{select}"):
        run = job.dbt("run", "-s", "wrong")
    assert run.status("wrong") == "error"
    assert said in run.message("wrong")
    assert "Traceback" not in run.text


def test_a_pre_hook_is_seen_by_training(again):
    job, _ = again
    hook = "CREATE OR REPLACE TABLE fresh AS SELECT i AS x, i > 50 AS y FROM range(100) AS g(i)"
    text = (
        f"""{{{{ config(materialized='ml_model', target_column='y', pre_hook="{hook}") }}}} SELECT * FROM main.fresh"""
    )
    with job.added(hooked=text):
        assert job.dbt("run", "-s", "hooked").message("hooked").startswith("version 1")


def test_settings_can_stand_in_yaml_and_the_model_can_have_another_name(again):
    job, _ = again
    job.write(
        "models/spend.yml",
        "models: [{name: spend, config: {materialized: ml_model, meta: "
        "{target_column: spend, algorithm: linear, model_name: spend_per_visit}}}]",
    )
    with job.added(spend="SELECT i AS x, 2.5 * i AS spend FROM range(200) AS g(i)"):
        run = job.dbt("run", "-s", "spend")
    (job.root / "models" / "spend.yml").unlink()
    assert run.message("spend").startswith("version 1, rmse"), run.message("spend")
    assert job.sql("SELECT model, metric, algorithm FROM spend") == [("spend_per_visit", "rmse", "linear")]


def test_a_table_of_the_same_name_makes_room(again):
    job, _ = again
    job.sql("CREATE TABLE main.swap AS SELECT 1 AS old")
    text = "{{ config(materialized='ml_model', target_column='y') }} SELECT i AS x, i > 50 AS y FROM range(99) AS g(i)"
    with job.added(swap=text):
        assert job.dbt("run", "-s", "swap").success
    assert job.sql("SELECT version FROM swap") == [(1,)]
    assert job.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'swap%'") == [(0,)]
