"""The package and both projects on PostgreSQL, built by a login that may train and deploy and is no superuser."""

import re
import shutil
import uuid
from importlib.util import module_from_spec, spec_from_file_location

import psycopg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import CHURN, CUSTOMER
from guide import GUIDE, ROOT, snippets
from postgres_job import PostgresJob, database_for_dbt, variables

import sqlml

EXAMPLE = ROOT / "dbt_project"
IN_POSTGRES = {"range(2400)": "generate_series(0, 2399)", "range(1200)": "generate_series(0, 1199)", "//": "/"}


@pytest.fixture(scope="module")
def database(postgres_server):
    with database_for_dbt(postgres_server) as urls:
        yield urls


@pytest.fixture(scope="module")
def newcomer(database, tmp_path_factory):
    """The two-table project of the guide, in both engines, after its first job."""
    job = PostgresJob(tmp_path_factory.mktemp("newcomer"), *database)
    for name, _, text in snippets():
        if name.startswith("models/") or name == "dbt_project.yml":
            job.write(name, text)
    (tables,) = [text for _, language, text in snippets() if language == "sql" and "CREATE TABLE purchase" in text]
    with sqlml.connect(job.path) as con:
        con.execute(tables)
    for here, there in IN_POSTGRES.items():
        tables = tables.replace(here, there)
    with psycopg.connect(job.url) as connection:
        connection.execute(tables)
    assert job.dbt("deps").success
    return job, job.dbt("build")


def test_the_login_is_what_the_guide_says(database):
    _, url = database
    with psycopg.connect(url) as connection:
        rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(rights).fetchone() == (False, False, False)
        member = "SELECT pg_has_role('sqlml_trainer', 'MEMBER') AND NOT pg_has_role('sqlml_owner', 'MEMBER')"
        assert connection.execute(member).fetchone() == (True,)


def test_a_newcomer_trains_predicts_and_monitors(newcomer):
    job, first = newcomer
    assert first.success, first.text
    assert {status for status, _ in first.nodes.values()} == {"success", "pass"}
    assert first.message("purchase_returned").endswith(", deployed")
    again = job.dbt("build")
    assert again.success, again.text
    assert again.message("return_prediction") == "0 rows added by version 1"
    assert again.message("return_truth") == "0 truths added"
    assert again.message("return_monitoring").startswith("0 windows monitored")
    later = job.dbt("build", *variables(today="2024-05-10"))
    assert later.message("return_prediction") == "24 rows added by version 1"
    assert job.sql("SELECT count(*) > 0 FROM likely_return WHERE p_returned > 0.5") == [(True,)]


def test_a_newcomer_gets_the_same_model_from_both_engines(newcomer):
    job, _ = newcomer
    there = job.dbt("build", target="dev")
    assert there.success, there.text
    hashes = "SELECT artifact_hash FROM sqlml.model_version WHERE version = 1"
    assert job.sql(hashes) == job.sql(hashes, "dev")


def test_who_reads_a_view_that_predicts_needs_the_model(newcomer):
    job, _ = newcomer
    reader = f"t_{uuid.uuid4().hex[:8]}"
    (grant,) = re.findall(r"`(CALL sqlml.grant_model\('purchase_returned', 'grafana'\))`", GUIDE.read_text())
    read = f"SELECT count(p_returned) > 0 FROM {job.login}.likely_return"
    with psycopg.connect(job.admin, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {reader}; GRANT USAGE ON SCHEMA {job.login} TO {reader}")
        admin.execute(f"GRANT SELECT ON {job.login}.likely_return TO {reader}; GRANT sqlml_reader TO {reader}")
        try:
            admin.execute(f"SET ROLE {reader}")
            with pytest.raises(psycopg.Error, match="permission denied for function predict"):
                admin.execute(read)
            admin.execute(f"RESET ROLE; REVOKE sqlml_reader FROM {reader}")
            admin.execute(grant.replace("grafana", reader))
            admin.execute(f"SET ROLE {reader}")
            assert admin.execute(read).fetchone() == (True,)
        finally:
            admin.execute(f"RESET ROLE; DROP OWNED BY {reader}; DROP ROLE {reader}")


def test_a_check_that_fails_ends_the_job_and_the_next_one_recovers(newcomer):
    job, _ = newcomer
    job.write_sql("INSERT INTO purchase SELECT * FROM purchase WHERE purchase_id = 7")
    process = job.process("build")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "checks of 'purchase_checks' failed: unique of purchase_id: expected no key twice" in " ".join(out.split())
    assert "SKIP relation" in out
    one = "SELECT min(ctid) FROM purchase WHERE purchase_id = 7"
    job.write_sql(f"DELETE FROM purchase WHERE purchase_id = 7 AND ctid <> ({one})")
    recovered = job.dbt("build")
    assert recovered.success, recovered.text


def test_a_table_that_checks_itself(newcomer):
    job, _ = newcomer
    assert job.dbt("run", "-s", "purchase_by_day").success
    path = job.root / "models" / "purchase_by_day.sql"
    text = path.read_text()
    path.write_text(text.replace("['day']", "['purchases']"))
    failed = job.dbt("run", "-s", "purchase_by_day")
    path.write_text(text)
    assert not failed.success
    assert "failed: unique of purchases: expected no key twice" in failed.text


def test_predictions_are_built_anew_and_monitored_after_that(newcomer):
    job, _ = newcomer
    ((before,),) = job.sql("SELECT count(*) FROM return_prediction")
    rebuilt = job.dbt("run", "-s", "return_prediction", "--full-refresh", *variables(today="2024-05-10"))
    assert rebuilt.message("return_prediction").startswith(f"{before} rows added"), rebuilt.text
    kept = "SELECT relation FROM sqlml.prediction_table WHERE model = 'purchase_returned'"
    assert [name.rpartition(".")[2] for (name,) in job.sql(kept)] == ["return_prediction"]
    assert job.dbt("run", "-s", "likely_return", "return_monitoring").success


def test_a_feature_view_grows(newcomer):
    job, _ = newcomer
    path = job.root / "models" / "customer_state.sql"
    (example,) = [text for name, _, text in snippets() if "sqlml.feature_table()" in text and not name]
    text = path.read_text()
    path.write_text(text.split("}}", 1)[0].replace("known_at=", "incremental=true, known_at=") + "}}\n" + example)
    job.write_sql("INSERT INTO customer VALUES (7, '2024-04-30', '2024-05-09', 3, 'pro')")
    added = [job.dbt("run", "-s", "customer_state").message("customer_state") for _ in range(2)]
    path.write_text(text)
    assert added == ["1 rows added", "0 rows added"]


@pytest.fixture(scope="module")
def churn(database, tmp_path_factory):
    """The shop of the other tests, with its model trained in both engines."""
    job = PostgresJob(tmp_path_factory.mktemp("churn"), *database, name="churns")
    job.model("customer", CUSTOMER.replace("range({{", "generate_series(0, -1 + {{"))
    job.model("churn", CHURN)
    job.write("models/tests.yml", TESTS)
    assert job.dbt("deps").success
    for target in ("postgres", "dev"):
        built = job.dbt("run", target=target)
        assert built.success, built.text
    return job


TESTS = """
models:
  - name: churn
    data_tests:
      - sqlml.same_in_both_engines:
          arguments: {artifact_hash: "{{ var('held_to', none) }}"}
"""


def holds(job, target, **given):
    """Whether same_in_both_engines holds, and all that dbt said."""
    run = job.dbt("test", "-s", "churn", *variables(**given), target=target)
    return run.success, run.text


@pytest.mark.parametrize("target", ["postgres", "dev"])
def test_same_in_both_engines_holds_both_targets_to_one_artifact(churn, target):
    ((pinned,),) = churn.sql("SELECT artifact_hash FROM sqlml.model_version WHERE model = 'churn'", "dev")
    assert holds(churn, target)[0]
    assert holds(churn, target, held_to=pinned)[0]
    success, text = holds(churn, target, held_to="0" * 64)
    assert not success
    assert f"churn@1 has artifact_hash {pinned}, and {'0' * 64} is asked for" in text


@pytest.mark.parametrize("target", ["postgres", "dev"])
@pytest.mark.parametrize(
    ("damage", "repair", "said"),
    [
        ("max_abs_diff = 0.5", "max_abs_diff = 0", "greatest difference 0.5"),
        ("rows_compared = 0", "rows_compared = 1", "0 rows compared, greatest difference 0"),
        ("dialect = 'another'", "dialect = '{dialect}'", "0 rows compared, greatest difference unknown"),
    ],
)
def test_same_in_both_engines_asks_for_the_proof(churn, target, damage, repair, said):
    change = "UPDATE sqlml.compiled SET {} WHERE model = 'churn'"
    write = churn.as_superuser if target == "postgres" else lambda text: churn.sql(text, "dev")
    write(change.format(damage))
    success, text = holds(churn, target)
    write(change.format(repair.format(dialect="postgres" if target == "postgres" else "duckdb")))
    assert not success
    assert said in text
    assert holds(churn, target)[0]


@pytest.mark.parametrize("target", ["postgres", "dev"])
def test_same_in_both_engines_fails_where_nothing_is_live(churn, target):
    write = churn.as_superuser if target == "postgres" else lambda text: churn.sql(text, "dev")
    write(
        "UPDATE sqlml.deployment SET valid_to = valid_from + INTERVAL '1 second' "
        "WHERE model = 'churn' AND valid_to IS NULL"
    )
    success, text = holds(churn, target)
    write("UPDATE sqlml.deployment SET valid_to = NULL WHERE model = 'churn'")
    assert not success
    assert "churn@champion is not live here" in text


def test_a_candidate_that_does_not_win_ends_the_job_with_status_1(churn):
    process = churn.process("run", "-s", "churn", *variables(strict=True))
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "of model 'churn' was not deployed: " in " ".join(out.split())
    assert churn.sql("SELECT version, is_live FROM churn ORDER BY version") == [(1, True), (2, False)]


def test_a_model_is_trained_by_the_worker(churn):
    node = CHURN.replace("materialized='ml_model',", "materialized='ml_model', runtime='worker', deploy='never',")
    with churn.worker(), churn.added(churn_by_worker=node):
        run = churn.dbt("run", "-s", "churn_by_worker")
    assert run.success, run.text
    assert run.message("churn_by_worker").startswith("version 1, roc_auc 0.")
    assert churn.sql("SELECT count(*) FROM sqlml.job WHERE verb = 'train'") == [(1,)]


SHOWN = """
{{ config(materialized='view') }}
SELECT customer_id, {{ sqlml.predict(ref('churn'), 'c') }} AS p, {{ sqlml.predict_label(ref('churn'), 'c') }} AS label,
       {{ sqlml.predict_version(ref('churn')) }} AS version
FROM {{ ref('customer') }} AS c
"""


def test_number_and_version_of_a_view_belong_together_when_a_deploy_comes_in_between(churn):
    churn.write_sql(
        "CALL sqlml.train('churn', 'customer', 'churned', key_column => 'customer_id', algorithm => 'linear', "
        "deploy => 'never', seed => 3)"
    )
    ((trained,),) = churn.sql("SELECT max(version) FROM sqlml.model_version WHERE model = 'churn'")
    with churn.added(shown=SHOWN), psycopg.connect(churn.url) as reader:
        assert churn.dbt("run", "-s", "shown").success
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        read = "SELECT p, label, version FROM shown ORDER BY customer_id"
        before = reader.execute(read).fetchall()
        churn.write_sql(f"CALL sqlml.deploy('churn', {trained})")
        try:
            assert reader.execute(read).fetchall() == before
            after = churn.sql(read)
        finally:
            churn.write_sql("CALL sqlml.rollback('churn')")
    asked = (
        "SELECT sqlml.predict('churn@{0}', c), sqlml.predict_label('churn@{0}', c), {0} "
        "FROM customer AS c ORDER BY customer_id"
    )
    assert before == churn.sql(asked.format(1))
    assert after == churn.sql(asked.format(trained)) != before


@pytest.mark.parametrize("role", ["sqlml_trainer", "sqlml_trainer, sqlml_deployer"])
def test_a_login_without_the_right_to_train_is_told_so(churn, role):
    ((said, remedy),) = re.findall(
        r"\| `(permission denied for schema sqlml)` \|.*`(GRANT .* TO) dbt` \|", GUIDE.read_text()
    )
    churn.as_superuser(f"REVOKE {role} FROM {churn.login}")
    try:
        run = churn.dbt("run", "-s", "churn")
    finally:
        churn.as_superuser(f"{remedy} {churn.login}")
    assert not run.success
    assert ("permission denied" if role == "sqlml_trainer" else said) in run.text


FLIGHT_LATE = "model = 'flight_late'"
DAYS = ("2016-08-01", "2016-09-01")
MEASURED = {
    "sqlml.model_version": "version, artifact_hash, dataset_digest, rows_trained",
    "sqlml.metric": "model, version, dataset, slice_key, slice_value, metric, value, ci_low, ci_high, n",
    "sqlml.check_result": "check_name, column_name, status, severity, expected, actual, failing_rows, relation_rows",
    "sqlml.ground_truth": "model, key, value, event_time, observed_at",
    "sqlml.monitored_window": "model, window_start, window_end, n_predictions",
    "sqlml.alert": "model, version, source, severity, column_name, metric, value, message",
    "flight_predictions": "flight_id, event_time, version, alias, role, prediction, label",
    "late_by_day": "flight_day, version, flights, predicted_share_late",
}


@pytest.fixture(scope="module")
def flights(database, tmp_path_factory):
    """The example over one airport's summer, after two monthly jobs in each engine; weather is known from August on."""
    root = tmp_path_factory.mktemp("flights")
    shutil.copytree(EXAMPLE / "models", root / "models")
    shutil.copy(EXAMPLE / "dbt_project.yml", root)
    shutil.copytree(EXAMPLE / "data", root / "data")
    table = pq.read_table(root / "data" / "flights.parquet")
    summer = pc.and_(pc.equal(table["year"], 2016), pc.less(table["month"], 10))
    pq.write_table(table.filter(pc.and_(summer, pc.equal(table["origin"], "PDX"))), root / "data" / "flights.parquet")
    job = PostgresJob(root, *database, name="flights")
    load_flights(job)
    assert job.dbt("deps").success
    jobs = {target: [job.dbt("build", *on(root, day), target=target) for day in DAYS] for target in ("dev", "postgres")}
    return job, jobs


def load_flights(job):
    spec = spec_from_file_location("load_postgres", EXAMPLE / "load_postgres.py")
    loader = module_from_spec(spec)
    spec.loader.exec_module(loader)
    for _ in range(2):
        rows = loader.load(job.url, job.login, job.root / "data")
    assert rows == {path.stem: pq.read_metadata(path).num_rows for path in (job.root / "data").glob("*.parquet")}


def on(root, day):
    first = {"predict_from": DAYS[0], "monitor_from": DAYS[0]}
    return variables(today=day, flights_data=str(root / "data"), **first)


def test_the_example_builds_in_both_engines(flights):
    _, jobs = flights
    for target, runs in jobs.items():
        for run in runs:
            assert run.success, f"{target}: {run.text}"
    first, second = jobs["postgres"]
    assert first.message("flight_late").endswith(", deployed")
    assert second.message("flight_monitoring").startswith("1 windows monitored")
    units = [status for name, (status, _) in first.nodes.items() if name.startswith("a_")]
    assert units == ["pass"] * 4
    for mine, other in zip(jobs["postgres"], jobs["dev"], strict=True):
        told = ("flight_late", "flight_predictions", "flight_truth", "flight_monitoring", "flight_checks")
        assert [mine.message(node) for node in told] == [other.message(node) for node in told]


@pytest.mark.parametrize("table", MEASURED)
def test_every_number_is_the_same_in_both_engines(flights, table):
    job, _ = flights
    asked = {"sqlml.check_result": "suite = 'flight_checks'", "late_by_day": "flights > 0"}
    statement = f"SELECT {MEASURED[table]} FROM {table} WHERE {asked.get(table, FLIGHT_LATE)}"
    here, there = job.printed(statement), job.printed(statement, "dev")
    assert len(here) > 0
    assert here == there


@pytest.mark.parametrize("table", ["profile_metric", "drift_metric", "performance_metric", "reference_metric"])
def test_every_monitoring_number_is_the_same_in_both_engines(flights, table):
    job, _ = flights
    columns = "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'sqlml' AND table_name = '{}'"
    names = [name for (name,) in job.sql(columns.format(table), "dev") if name != "run_id" and not name.endswith("_at")]
    statement = f"SELECT {', '.join(names)} FROM sqlml.{table} WHERE {FLIGHT_LATE}"
    here, there = job.printed(statement), job.printed(statement, "dev")
    assert len(here) > 0
    assert here == there


def test_raw_scores_are_equal_to_the_last_bit(flights):
    job, _ = flights
    asked = "SELECT f.flight_id, sqlml.raw_score('flight_late@1', f) FROM {} AS f"
    sample = "(SELECT * FROM flight_features ORDER BY flight_id LIMIT 3000)"
    here, there = (job.printed(asked.format(sample), target) for target in ("postgres", "dev"))
    assert len(here) == 3000
    assert here == there


def test_the_same_job_again_adds_nothing(flights):
    job, _ = flights
    again = job.dbt("run", *on(job.root, DAYS[1]), "-s", "flight_late", "flight_predictions", "flight_truth")
    assert again.success, again.text
    assert again.message("flight_predictions").startswith("0 rows added by version ")
    assert again.message("flight_truth") == "0 truths added"


def test_the_profile_of_the_example_reads_the_variables_of_libpq():
    text = (EXAMPLE / "profiles.yml").read_text()
    assert all(f"env_var('{name}'" in text for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"))
