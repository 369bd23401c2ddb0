"""Feature tables over time: versions side by side, contracts, and tables that grow and keep what was known."""

import pytest
from dbt_job import Job

STATE = """
{{ config(
  materialized='feature_view', entity='customer_id', event_time='changed_at', known_at='loaded_at', incremental=true,
  feature_version=var('version', 1)
) }}
SELECT customer_id, changed_at, loaded_at, {{ var('columns', 'plan') }} FROM {{ source('shop', 'customer') }}
{% if sqlml.feature_table() and var('newest_only', false) %}
WHERE loaded_at > (SELECT max(loaded_at) FROM {{ sqlml.feature_table() }})
{% endif %}
"""

ASKED = """
{{ config(materialized='table') }}
{{ sqlml.features_at('SELECT 1 AS customer_id, TIMESTAMP \\'2024-01-10\\' AS at', [ref('state')], at='at') }}
"""

SOURCES = "sources: [{name: shop, schema: main, tables: [{name: customer}]}]"

FIRST = [(1, "2024-01-01", "2024-01-01", "basic"), (2, "2024-01-01", "2024-01-03", "pro")]
LATE = (1, "2024-01-05", "2024-01-08", "plus")  # it happened before others that were loaded earlier
NEXT = (2, "2024-01-06", "2024-01-07", "basic")
CORRECTION = (1, "2024-01-05", "2024-01-20", "pro")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    job = Job(tmp_path_factory.mktemp("history"))
    job.write("models/sources.yml", SOURCES)
    job.model("state", STATE)
    job.model("asked", ASKED)
    assert job.dbt("deps").success
    return job


@pytest.fixture
def grown(shop):
    """The shop with the first rows in its feature table, and what is loaded later still to come."""
    columns = "customer_id INTEGER, changed_at TIMESTAMP, loaded_at TIMESTAMP, plan VARCHAR"
    shop.sql(f"CREATE OR REPLACE TABLE customer ({columns})")
    loaded(shop, *FIRST)
    assert (run := shop.dbt("run", "--full-refresh")).success, run.text
    assert run.message("state") == "2 rows"
    return shop


def loaded(job, *rows):
    for row in rows:
        job.sql(f"INSERT INTO customer VALUES {row}")


def added(job, *arguments):
    run = job.dbt("run", *arguments)
    assert run.success, run.text
    return run.message("state")


def kept(job):
    return job.sql(
        "SELECT customer_id, left(changed_at::VARCHAR, 10), left(loaded_at::VARCHAR, 10), plan FROM state ORDER BY ALL"
    )


def test_a_table_grows_by_new_and_late_rows_and_a_rerun_adds_nothing(grown):
    loaded(grown, NEXT)
    assert added(grown) == "1 rows added"
    loaded(grown, LATE, CORRECTION)
    assert added(grown) == "2 rows added"
    assert added(grown) == "0 rows added"
    assert kept(grown) == sorted([*FIRST, NEXT, LATE, CORRECTION])
    assert grown.sql("SELECT plan FROM asked") == [("plus",)]  # the correction was not known on that day


def test_a_table_that_grew_is_the_one_that_is_built_at_once(grown):
    for row in (LATE, NEXT, CORRECTION):
        loaded(grown, row)
        added(grown)
    one_by_one = kept(grown)
    assert added(grown, "--full-refresh") == "5 rows"
    assert kept(grown) == one_by_one


def test_the_select_may_read_only_what_has_been_loaded_since(grown):
    loaded(grown, NEXT)
    newest = ("--vars", "{newest_only: true}")
    assert added(grown, *newest) == "1 rows added"
    assert "WHERE loaded_at >" in (grown.root / "target/compiled/shop/models/state.sql").read_text()
    grown.sql("DELETE FROM customer WHERE customer_id = 2")  # the source may forget
    loaded(grown, LATE)
    assert added(grown, *newest) == "1 rows added"
    assert kept(grown) == sorted([*FIRST, NEXT, LATE])
    assert added(grown, *newest, "--full-refresh") == "2 rows"


def test_an_empty_day_adds_nothing_and_a_killed_run_leaves_nothing_behind(grown):
    grown.sql("CREATE TABLE main.state__v1__dbt_tmp AS SELECT 1 AS left_behind")
    assert added(grown) == "0 rows added"
    assert grown.sql("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'state%'") == [("state__v1",)]


def test_values_that_were_known_are_not_rewritten_and_the_run_says_so(grown):
    before = grown.sql("SELECT * FROM asked")
    grown.sql("UPDATE customer SET plan = 'changed' WHERE customer_id = 1")
    run = grown.dbt("run")
    assert run.message("state") == "0 rows added"
    assert "rows whose values have changed stay as they were known: 1. A correction is a new row" in run.text
    assert kept(grown) == FIRST
    assert grown.sql("SELECT * FROM asked") == before
    grown.dbt("run", "--full-refresh")
    assert grown.sql("SELECT plan FROM asked") == [("changed",)]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("plan, 1 AS mood", "has other columns now: 'mood' is new"),
        ("1 AS mood", "has other columns now: 'plan' is gone, 'mood' is new"),
        ("length(plan) AS plan", "has other columns now: 'plan' was VARCHAR and is BIGINT"),
    ],
)
def test_other_columns_are_refused(grown, columns, said):
    run = grown.dbt("run", "--vars", f"columns: '{columns}'")
    assert said in run.message("state")
    assert "Give them a version of their own (feature_version, or a version of dbt)" in run.message("state")
    assert run.status("asked") == "skipped"
    assert kept(grown) == FIRST


def test_a_version_has_other_columns_and_both_go_on_growing(grown):
    second = ("--vars", "{columns: 1 AS mood, version: 2}")
    assert added(grown, *second) == "2 rows"
    loaded(grown, NEXT)
    assert [added(grown, *second), added(grown)] == ["1 rows added"] * 2
    assert kept(grown) == sorted([*FIRST, NEXT])
    grown.sql("DROP TABLE state__v2")


def test_rows_that_cannot_be_placed_stop_a_growing_table_and_the_next_run_recovers(grown):
    loaded(grown, NEXT)
    grown.sql("INSERT INTO customer VALUES (3, NULL, '2024-01-09', 'basic')")
    run = grown.dbt("run")
    assert "1 row has no 'changed_at'" in run.message("state")
    assert run.status("asked") == "skipped"
    assert kept(grown) == FIRST
    grown.sql("DELETE FROM customer WHERE changed_at IS NULL")
    assert added(grown) == "1 rows added"


def test_a_feature_view_can_stand_on_an_incremental_model_with_its_history(grown):
    loads = """
    {{ config(materialized='incremental') }}
    SELECT * FROM {{ source('shop', 'customer') }}
    {% if is_incremental() %} WHERE loaded_at > (SELECT max(loaded_at) FROM {{ this }}) {% endif %}
    """
    with grown.added(load=loads, state=STATE.replace("source('shop', 'customer')", "ref('load')")):
        assert added(grown, "--full-refresh") == "2 rows"
        for _ in range(2):
            grown.sql("DELETE FROM customer")
            loaded(grown, LATE)
            added(grown)
    grown.model("state", STATE)
    assert kept(grown) == sorted([*FIRST, LATE])
    assert grown.sql("SELECT plan FROM asked") == [("plus",)]


LEVEL = """
{{ config(materialized='feature_view', entity='customer_id', event_time='day') }}
SELECT i AS customer_id, DATE '2024-01-01' AS day, VALUE AS points FROM range(200) AS g(i)
"""

LEVELS = """
models:
  - name: level
    latest_version: 2
    config: {contract: {enforced: true}}
    columns:
      - {name: customer_id, data_type: bigint}
      - {name: day, data_type: date}
      - {name: points, data_type: bigint}
    versions: [{v: 1}, {v: 2}]
"""

JOINED = """
{{ config(materialized='table') }}
{{ sqlml.features_at("SELECT i AS customer_id, TIMESTAMP '2024-01-02' AS at, i > 100 AS y FROM range(200) AS g(i)", [
  {'view': ref('level', v=1), 'prefix': 'old_'}, {'view': ref('level', v=2), 'prefix': 'new_'},
  {'view': ref('level'), 'prefix': 'latest_'},
], at='at') }}
"""

MODEL = """
{{ config(materialized='ml_model', target_column='y', features=['points'], deploy='always') }}
SELECT points, points % 200 > 100 AS y FROM {{ ref('level', v=VERSION) }}
"""


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """A feature view in two versions of dbt, and what reads each of them."""
    job = Job(tmp_path_factory.mktemp("levels"))
    job.write("models/level.yml", LEVELS)
    job.model("level_v1", LEVEL.replace("VALUE", "i"))
    job.model("level_v2", LEVEL.replace("VALUE", "i + 1000"))
    job.model("joined", JOINED)
    for version in (1, 2):
        job.model(f"model_{version}", MODEL.replace("VERSION", str(version)))
    assert job.dbt("deps").success
    assert (run := job.dbt("run")).success, run.text
    return job


def test_versions_of_dbt_stand_side_by_side(levels):
    least = {"level__v1": 0, "level_v1": 0, "level__v2": 1000, "level_v2": 1000, "level": 1000}
    assert {name: levels.sql(f"SELECT min(points) FROM {name}")[0][0] for name in least} == least


def test_the_join_takes_the_version_that_is_named(levels):
    assert levels.sql("SELECT DISTINCT new_points - old_points, latest_points - new_points FROM joined") == [(1000, 0)]


def test_a_model_learns_from_the_version_that_is_named(levels):
    for version in (1, 2):
        ((sql,),) = levels.sql(f"SELECT training_relation FROM sqlml.model_version WHERE model = 'model_{version}'")
        assert f'"level_v{version}"' in sql
    threshold = "SELECT min(points) FROM level_v{0} AS l WHERE predict('model_{0}', l) > 0.5"
    one, two = (levels.sql(threshold.format(version))[0][0] for version in (1, 2))
    assert two > one + 900


def test_a_feature_view_that_breaks_its_contract_stops_the_job_and_stays_as_it_was(levels):
    levels.model("level_v2", LEVEL.replace("VALUE", "'high'"))
    run = levels.dbt("run")
    levels.model("level_v2", LEVEL.replace("VALUE", "i + 1000"))
    assert not run.success
    assert "This model has an enforced contract that failed" in run.text
    assert "| points      | VARCHAR         | BIGINT        | data type mismatch |" in run.text
    assert (run.status("joined"), run.status("model_2")) == ("skipped", "skipped")
    assert run.status("model_1") == "success"
    assert levels.sql("SELECT min(points) FROM level") == [(1000,)]
    assert levels.dbt("run").success


def test_a_contract_holds_for_rows_that_are_added(levels):
    growing = LEVEL.replace("event_time='day'", "event_time='day', incremental=true")
    levels.model("level_v2", growing.replace("VALUE", "i + 1000").replace("range(200)", "range(300)"))
    assert (run := levels.dbt("run", "-s", "level")).success, run.text
    assert levels.sql("SELECT count(*) FROM level") == [(300,)]
    levels.model("level_v2", growing.replace("VALUE", "'high'"))
    run = levels.dbt("run", "-s", "level")
    levels.model("level_v2", LEVEL.replace("VALUE", "i + 1000"))
    assert "This model has an enforced contract that failed" in run.text
    assert levels.sql("SELECT count(*) FROM level") == [(300,)]
