"""dbt's own kinds of nodes work on the connection that the plugin has attached."""

import gc

import pytest

PYTHON = """
def model(dbt, session):
    dbt.config(materialized="table")
    return session.sql("SELECT 1 AS a; SELECT predict('churn', {'age': 20, 'plan': 'pro', 'visits': 1}) AS a")
"""

INCREMENTAL = (
    "{{ config(materialized='incremental', unique_key='id') }} SELECT * FROM {{ ref('words') }} WHERE t <> ';'"
)

SNAPSHOT = """
{% snapshot history %}
{{ config(target_schema='main', unique_key='id', strategy='check', check_cols=['t']) }}
SELECT * FROM {{ ref('words') }}
{% endsnapshot %}
"""


# For a Python model dbt-duckdb makes an event loop on the thread of the node, and never closes it.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_seeds_snapshots_incremental_and_python_models(shop):
    shop.write("seeds/words.csv", 'id,t\n1,"a;b"\n2,"it\'s"\n')
    shop.write("snapshots/history.sql", SNAPSHOT)
    shop.write("models/scored_in_python.py", PYTHON)
    with shop.added(growing=INCREMENTAL):
        for command in (["run", "-s", "+churn"], ["build", "--exclude", "churn"], ["build", "--exclude", "churn"]):
            run = shop.dbt(*command)
            assert run.success, run.text
    assert shop.sql("SELECT t FROM growing ORDER BY id") == [("a;b",), ("it's",)]
    assert shop.sql("SELECT count(*) FROM history") == [(2,)]
    assert shop.sql("SELECT a > 0.5 FROM scored_in_python") == [(True,)]
    gc.collect()
