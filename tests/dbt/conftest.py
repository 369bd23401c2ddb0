"""What the tests of the dbt package share."""

import pytest
from dbt_job import Job

CUSTOMER = """
{{ config(materialized='table') }}
SELECT i AS customer_id, 18 + (i * 7919) % 60 AS age,
       CASE i % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'pro' END AS plan,
       (i * 31) % 20 AS visits, (i * 31) % 20 < 6 OR i % 17 = 0 AS churned,
       CAST(TIMESTAMP '2024-01-01' + i * INTERVAL '1 hour' AS TIMESTAMP) AS seen_at
FROM range({{ var('customers', 800) }}) AS g(i)
"""

CHURN = """
{{ config(
  materialized='ml_model', target_column='churned', key_column='customer_id', time_column='seen_at',
  hyperparams={'n_estimators': 20}, retrain=var('retrain', 'always'), require_deployed=var('strict', false)
) }}
SELECT * FROM {{ ref('customer') }} WHERE plan <> 'it''s free'
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop whose customers are known and whose model is described; nothing has run yet."""
    job = Job(tmp_path_factory.mktemp("shop"))
    job.model("customer", CUSTOMER)
    job.model("churn", CHURN)
    assert job.dbt("deps").success
    return job
