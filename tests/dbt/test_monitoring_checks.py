"""Checks as a node and as a hook: what is wrong stops the job and says why, what is odd only warns."""

import json

import pytest

CUSTOMER = """
{{ config(materialized='table') }}
SELECT i AS customer_id, 18 + i % 60 AS age, CASE WHEN i % 10 > 0 THEN 'web' END AS channel
FROM range({{ var('customers', 300) }}) AS g(i)
"""

CHECKED = """
{{ config(
  materialized='ml_checks',
  checks=[
    {'check': 'unique', 'columns': ['customer_id']},
    {'check': 'range', 'column': 'age', 'min': 18, 'max': var('oldest', 80), 'key': 'customer_id'},
    {'check': 'not_null', 'column': 'channel', 'max_share': var('without', 0.2), 'severity': 'warn'},
    {'check': 'row_count', 'min': 100, 'max_z': 3.5},
  ]
) }}
SELECT * FROM {{ ref('customer') }} -- all of them
"""

AFTER = "-- depends_on: {{ ref('checked') }}\nSELECT count(*) AS n FROM {{ ref('customer') }}"

STATUSES = "SELECT check_name, status FROM checked WHERE is_newest ORDER BY check_name"


def variables(**values):
    return ("--vars", json.dumps(values))


@pytest.fixture(scope="module")
def job(shop):
    """A shop with a node of checks and a node that depends on it, after one run."""
    (shop.root / "models" / "churn.sql").unlink()
    for name, text in {"customer": CUSTOMER, "checked": CHECKED, "after": AFTER}.items():
        shop.model(name, text)
    run = shop.dbt("build")
    assert run.success, run.text
    assert run.message("checked") == "3 passed, 1 skipped"  # a first count has no history
    return shop


def test_results_are_kept_and_the_view_has_those_of_every_run(job):
    before = job.sql("SELECT count(*), count(DISTINCT run_id) FROM checked")[0]
    assert job.dbt("build", "-s", "checked").success
    assert job.sql("SELECT count(*), count(DISTINCT run_id) FROM checked") == [(before[0] + 4, before[1] + 1)]
    assert dict(job.sql(STATUSES)) == {"not_null": "pass", "range": "pass", "row_count": "skip", "unique": "pass"}
    assert job.sql("SELECT DISTINCT suite, relation_rows FROM sqlml.check_result") == [("checked", 300)]
    assert job.sql("SELECT suite, max(revision) FROM sqlml.check_definition GROUP BY ALL") == [("checked", 1)]


def test_a_failing_check_fails_the_node_with_the_reason_and_skips_what_hangs_on_it(job):
    run = job.dbt("build", *variables(oldest=76))
    assert (run.status("checked"), run.status("after")) == ("error", "skipped")
    message = run.message("checked")
    assert "checks of 'checked' failed: range of age: expected a value from 18 to 76 in every row" in message
    assert 'found 5 of 300 rows fail, such as ["119", "179", "239", "299", "59"]' in message
    assert "unique" not in message
    assert "Traceback" not in run.text
    assert dict(job.sql(STATUSES))["range"] == "fail"  # what was found is written, and can be read


def test_a_check_of_severity_warn_warns_and_the_job_goes_on(job):
    run = job.dbt("build", *variables(without=0.05))
    assert (run.status("checked"), run.status("after")) == ("success", "success")
    assert run.message("checked") == "2 passed, 1 warned, 1 skipped"
    said = "checks of 'checked' warn: not_null of channel: expected a value in all but 5 % of the rows, found 30 of 300"
    assert said in run.text
    assert dict(job.sql(STATUSES))["not_null"] == "warn"
    strict = job.dbt("--warn-error", "build", *variables(without=0.05))
    assert (strict.status("checked"), strict.status("after")) == ("error", "skipped")


def test_the_row_count_has_a_history_as_long_as_the_select_stays_the_same(job):
    for _ in range(8):
        assert job.dbt("run", "-s", "checked").success
    run = job.dbt("build", *variables(customers=100))
    assert run.status("checked") == "error"
    assert "row_count: expected" in run.message("checked")
    assert "found 100 rows" in run.message("checked")


def test_a_hook_checks_the_table_that_was_just_made(job):
    hook = "{{ sqlml.check(this, [{'check': 'unique', 'columns': ['channel']}]) }}"
    hooked = CUSTOMER.replace("'table'", f"'table', post_hook={{'sql': \"{hook}\", 'transaction': false}}")
    with job.added(hooked=hooked, after_hooked="SELECT * FROM {{ ref('hooked') }}"):
        run = job.dbt("build", "-s", "hooked+")
        assert (run.status("hooked"), run.status("after_hooked")) == ("error", "skipped")
        assert 'checks of \'"shop"."main"."hooked"\' failed: unique of channel' in run.message("hooked")
        assert job.sql("SELECT count(*) FROM sqlml.check_result WHERE relation LIKE '%hooked%' AND suite IS NULL") == [
            (1,)
        ]
        job.model("hooked", hooked.replace("'channel'", "'customer_id'"))
        assert job.dbt("build", "-s", "hooked+").success


def test_a_suite_that_is_kept_can_be_named(job):
    named = "{{ config(materialized='ml_checks', suite='checked') }} SELECT * FROM {{ ref('customer') }}"
    with job.added(named=named):
        run = job.dbt("build", "-s", "customer", "named")
        assert run.message("named") == "3 passed, 1 skipped", run.text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "ml_checks needs checks in its config, a list such as [{'check': 'not_null', 'column': 'id'}]"),
        (", checks=[{'check': 'not_null', 'column': 'agee'}]", "ML001 entry 1 of the suite (not_null): 'agee' is no"),
        (", checks=[{'check': 'magic'}]", "ML001"),
        (", suite='nobody'", "ML001 suite => 'nobody': no suite has this name"),
        (", suite='Not a name', checks=[]", "ML002"),
    ],
    ids=["checks", "column", "check", "suite", "name"],
)
def test_what_is_wrong_is_said(job, settings, said):
    with job.added(
        wrong=f"{{{{ config(materialized='ml_checks'{settings}) }}}} SELECT * FROM {{{{ ref('customer') }}}}"
    ):
        run = job.dbt("run", "-s", "wrong")
    assert run.status("wrong") == "error"
    assert said in run.message("wrong")


def test_dbt_compiles_and_documents_a_node_and_a_hook_without_running_them(job):
    rows = "SELECT count(*) FROM sqlml.check_result"
    before = job.sql(rows)
    hook = "{{ sqlml.check(this, 'checked') }}"
    hooked = CUSTOMER.replace("'table'", f"'table', post_hook={{'sql': \"{hook}\", 'transaction': false}}")
    with job.added(hooked=hooked):
        assert job.dbt("compile").success
        assert job.dbt("docs", "generate").success
    assert job.sql(rows) == before
