"""A dashboard reads what a job has built: over SQLAlchemy, in a process of its own that has never heard of sqlml."""

import json
import shutil
import subprocess
import sys

import duckdb
import pytest

KEPT = """
{{ config(materialized='ml_predictions', model='churn', key_column='customer_id', time_column='seen_at') }}
-- depends_on: {{ ref('churn') }}
SELECT * FROM {{ ref('customer') }}
"""

LIKELY = """
{{ config(materialized='view') }}
SELECT customer_id, {{ sqlml.predict(ref('churn'), 'c') }} AS p, {{ sqlml.predict_version(ref('churn')) }} AS version
FROM {{ ref('customer') }} AS c
"""

STATE = """
{{ config(materialized='feature_view', entity='customer_id', event_time='seen_at') }}
SELECT customer_id, seen_at, visits FROM {{ ref('customer') }}
"""

DESCRIBED = """
models:
  - name: state
    description: What is known of a customer
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: visits, description: Visits so far}]
"""

# What a dashboard runs. `found` is what it hands back.
READER = """
import json, sys, warnings
warnings.simplefilter("ignore")
import sqlalchemy as sa
engine = sa.create_engine("duckdb:///" + sys.argv[1], connect_args={"read_only": True})
inspector = sa.inspect(engine)
def names(schema):
    return sorted(inspector.get_table_names(schema=schema) + inspector.get_view_names(schema=schema))
def described(name, schema="main"):
    columns = inspector.get_columns(name, schema=schema)
    text = inspector.get_table_comment(name, schema=schema)["text"]
    return {"text": text, "columns": {one["name"]: [str(one["type"]), one["comment"]] for one in columns}}
def rows(statement):
    with engine.connect() as con:
        return [list(row) for row in con.execute(sa.text(statement))]
found = BODY
assert not [name for name in sys.modules if name.split(".")[0] == "sqlml"]
print(json.dumps(found, default=str))
"""

PREDICTIONS = {
    "customer_id": "BIGINT",
    "event_time": "TIMESTAMP",
    "predicted_at": "TIMESTAMP",
    "model": "VARCHAR",
    "version": "INTEGER",
    "alias": "VARCHAR",
    "role": "VARCHAR",
    "run_id": "VARCHAR",
    "prediction": "FLOAT",
    "label": "VARCHAR",
    "features": "VARCHAR",
}

PLAIN = {"BIGINT", "INTEGER", "VARCHAR", "FLOAT", "BOOLEAN", "TIMESTAMP"}


def read(path, body):
    """What a process finds that has SQLAlchemy and no sqlml; FLOAT is how SQLAlchemy writes DOUBLE."""
    command = [sys.executable, "-c", READER.replace("BODY", body), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def built(shop):
    """A file that a job has built, with predictions of two versions, truth and monitoring; no process has it open."""
    for name, text in {"kept": KEPT, "likely": LIKELY, "state": STATE}.items():
        shop.model(name, text)
    shop.write("models/described.yml", DESCRIBED)
    assert (run := shop.dbt("run")).success, run.text
    shop.sql("CALL sqlml.record_truth('churn', 'customer', key_column => 'customer_id', truth_column => 'churned')")
    shop.sql("CALL sqlml.monitor('churn', window_start => DATE '2024-01-01', window_end => DATE '2024-02-01')")
    shop.sql('CALL sqlml."check"(\'customer\', \'[{"check": "not_null", "column": "age"}]\')')
    shop.release()
    return shop


def test_a_prediction_table_has_plain_types_stable_names_and_describes_itself(built):
    found = read(built.path, "described('kept')")
    assert {name: kind for name, (kind, _) in found["columns"].items()} == PREDICTIONS
    assert "Predictions" in found["text"]
    assert all(comment for _, comment in found["columns"].values()), found


def test_a_table_that_is_built_anew_still_describes_itself(built):
    assert built.dbt("run", "-s", "kept", "--full-refresh").success
    built.release()
    found = read(built.path, "described('kept')")
    assert found["text"]
    assert all(comment for _, comment in found["columns"].values())


def test_every_table_view_and_column_of_the_metadata_is_described(built):
    found = read(built.path, "{name: described(name, 'sqlml') for name in names('sqlml')}")
    assert {"metric", "drift_metric", "performance_metric", "check_result", "alert", "latest_drift"} <= set(found)
    assert [name for name, table in found.items() if not table["text"]] == []
    lacking = [
        (name, column) for name, table in found.items() for column, (_, text) in table["columns"].items() if not text
    ]
    assert lacking == []


def test_the_metadata_has_plain_types(built):
    found = read(built.path, "{name: described(name, 'sqlml') for name in names('sqlml')}")
    other = {
        name: kinds - PLAIN
        for name, table in found.items()
        if (kinds := {kind for kind, _ in table["columns"].values()}) - PLAIN
    }
    assert set(other) == {"compiled_trees"}  # lists, for the compiled form of a model


def test_a_feature_table_and_the_view_on_it_say_what_dbt_says_of_them(built):
    for name in ("state", "state__v1"):
        found = read(built.path, f"described({name!r})")
        assert (found["text"], found["columns"]["visits"]) == (
            "What is known of a customer",
            ["BIGINT", "Visits so far"],
        )


@pytest.mark.parametrize(
    ("statement", "least"),
    [
        (
            "SELECT p.customer_id, p.prediction, p.version, v.algorithm, p.predicted_at FROM kept AS p "
            "JOIN sqlml.model_version AS v ON v.model = p.model AND v.version = p.version",
            800,
        ),
        ("SELECT customer_id, p, version FROM likely WHERE p > 0.5", 100),
        ("SELECT version, metric, value, baseline_value, is_live FROM churn", 1),
        ("SELECT dataset, metric, value, n FROM sqlml.metric WHERE dataset = 'test'", 5),
        ("SELECT column_name, metric, value, threshold, drifted FROM sqlml.latest_drift", 10),
        ("SELECT metric, value, ci_low, ci_high, n, label_coverage FROM sqlml.latest_performance", 5),
        ("SELECT check_name, status, expected, actual FROM sqlml.check_result", 1),
        ("SELECT alias, version, valid_from, reason FROM sqlml.deployment", 1),
    ],
    ids=["predictions", "view", "model", "metrics", "drift", "performance", "checks", "deployments"],
)
def test_a_dashboard_reads_what_sqlml_reads(built, statement, least):
    ordered = f"SELECT * FROM ({statement}) AS read ORDER BY ALL"
    found = read(built.path, f"rows({ordered!r})")
    assert len(found) >= least
    assert found == json.loads(json.dumps([list(row) for row in built.sql(ordered)], default=str))
    built.release()


def reads(path):
    """Whether a process of its own can read the file, and what it says where it cannot."""
    text = f"import duckdb; print(duckdb.connect({str(path)!r}, read_only=True).sql('SELECT count(*) FROM kept'))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def test_readers_share_a_file_and_keep_a_writer_out_while_they_have_it(built):
    built.release()
    with duckdb.connect(str(built.path), read_only=True):
        assert reads(built.path) == (True, "")
        job = built.process("run", "-s", "likely")
        out, _ = job.communicate(timeout=60)
        assert job.returncode == 2
        assert "ML061 IO Error: Could not set lock on file" in out
    job = built.process("run", "-s", "likely")
    job.communicate(timeout=60)
    assert job.returncode == 0


def test_a_writer_keeps_readers_out_and_a_copy_can_be_read_meanwhile(built, tmp_path):
    built.release()
    copy = tmp_path / "dashboard.duckdb"
    shutil.copy(built.path, copy)
    with duckdb.connect(str(built.path)):
        can_read, said = reads(built.path)
        assert not can_read
        assert "Could not set lock on file" in said
        assert read(copy, "rows('SELECT count(*), min(version) FROM likely')") == [[800, 1]]


def test_a_file_can_be_attached_read_only_beside_others(built):
    built.release()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{built.path}' AS models (READ_ONLY)")
        assert con.execute("SELECT count(*) FROM models.main.kept").fetchall() == [(800,)]
        assert con.execute("SELECT count(*) > 0 FROM models.main.likely WHERE p > 0.5").fetchall() == [(True,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("DELETE FROM models.main.kept")
