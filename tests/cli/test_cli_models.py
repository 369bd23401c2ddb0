"""The commands around a model: init, train, deploy, rollback, score, models, verify."""

import csv
import hashlib
import io
import json
import signal
import subprocess
import time

import duckdb
import pytest

import sqlml
from tests.cli.conftest import COMMAND, CUSTOMERS

BASELINE = ("--target", "has_left", "--key-column", "id", "--algorithm", "baseline")
LINEAR = ("--target", "has_left", "--key-column", "id", "--algorithm", "linear")


def answered(done):
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def content_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_init_says_what_it_applied_then_that_all_is_well(sqlml_here):
    first = sqlml_here("init", "new.duckdb")
    assert first.code == 0
    assert first.out.splitlines()[0] == "applied migrations/0001_metadata.sql"
    assert "applied routines/train.sql" in first.out.splitlines()
    second = sqlml_here("init", "new.duckdb")
    assert (second.code, second.out) == (0, "new.duckdb is up to date\n")


def test_init_mends_what_verify_finds(sqlml_here, shop):
    with duckdb.connect(str(shop)) as plain:
        plain.execute("DROP MACRO TABLE sqlml.live_at")
        plain.execute("CREATE OR REPLACE VIEW sqlml.algorithm AS SELECT 'mine' AS algorithm, '' AS description")
    before = content_hash(shop)
    found = sqlml_here("verify", shop)
    assert found.code == 1
    differences = [line for line in found.out.splitlines() if not line.startswith("  ")]
    assert [line.split(":")[0].split() for line in differences] == [
        ["edited", "sqlml.algorithm"],
        ["missing", "sqlml.live_at"],
    ]
    assert content_hash(shop) == before
    mended = sqlml_here("init", shop)
    assert mended.out.splitlines() == ["applied routines/algorithm.sql", "applied routines/live_at.sql"]
    assert sqlml_here("verify", shop).code == 0


def test_verify_is_content_with_what_sqlml_made(sqlml_here, shop):
    before = content_hash(shop)
    done = sqlml_here("verify", shop)
    assert (done.code, done.out) == (0, f"{shop} is in step with its files\n")
    assert content_hash(shop) == before


def test_verify_of_a_file_without_sqlml(sqlml_here, tmp_path):
    duckdb.connect(str(tmp_path / "plain.duckdb")).close()
    done = sqlml_here("verify", "plain.duckdb")
    assert (done.code, done.out) == (1, "missing  sqlml: nothing is installed; run sqlml init\n")
    done = sqlml_here("models", "plain.duckdb")
    assert (done.code, done.err) == (1, "ML070 plain.duckdb has no sqlml; 'sqlml init plain.duckdb' puts it there\n")


def test_verify_of_a_file_that_it_cannot_read(sqlml_here, tmp_path):
    (tmp_path / "notes.duckdb").write_text("no database")
    done = sqlml_here("verify", "notes.duckdb")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ML060 ")
    assert "notes.duckdb" in done.err


def test_train_answers_with_a_record(sqlml_here, shop):
    done = sqlml_here("train", shop, "churn", "--relation", "customers", *LINEAR)
    assert (done.code, done.err) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert (shown["model"], shown["version"], shown["deployed"]) == ("churn", "2", "true")
    assert shown["reason"].startswith("roc_auc ")


def test_train_passes_every_option_on(sqlml_here, shop):
    options = (
        *("--task", "binary", "--algorithm", "lightgbm", "--hyperparams", '{"num_iterations": 5}'),
        *("--preprocess", "{}", "--features", '["age", "country"]', "--split", "random", "--test-size", "0.5"),
        *("--search", "grid", "--search-space", '{"num_leaves": [3, 5]}', "--trials", "2", "--seed", "7"),
        *("--deploy", "never", "--target", "has_left", "--format", "json"),
    )
    answer = answered(
        sqlml_here("train", shop, "other", "--relation", "SELECT * FROM customers WHERE id > 9", *options)
    )
    assert (answer["version"], answer["task"], answer["deployed"]) == (1, "binary", False)
    with sqlml.connect(shop) as con:
        known = con.execute(
            "SELECT seed, algorithm, hyperparams->>'num_iterations', split->>'test_size', "
            "list_sort(signature->>'$[*].name') FROM sqlml.model_version WHERE model = 'other'"
        ).fetchall()
        trials = con.execute("SELECT count(*) FROM sqlml.trial WHERE model = 'other'").fetchall()
    assert known == [(7, "lightgbm", "5", "0.5", ["age", "country"])]
    assert trials == [(2,)]


def test_a_job_can_require_that_the_version_went_live(sqlml_here, shop):
    arguments = ("train", shop, "churn", "--relation", "customers", *BASELINE)
    assert sqlml_here(*arguments).code == 0
    assert sqlml_here(*arguments, "--require-deployed").code == 3
    assert sqlml_here(*arguments, "--require-deployed", "--deploy", "always").code == 0


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_train_from_a_file_into_a_new_database(sqlml_here, tmp_path, ending):
    path = tmp_path / f"it's my rows.{ending}"
    with duckdb.connect() as plain:
        plain.execute(CUSTOMERS)
        plain.execute("COPY customers TO " + "'" + str(path).replace("'", "''") + "'")
    answer = answered(
        sqlml_here("train", "new.duckdb", "churn", "--relation", path.name, *BASELINE, "--format", "json")
    )
    assert answer["version"] == 1
    done = sqlml_here("sql", "new.duckdb", "SELECT training_relation AS r FROM sqlml.model_version", "--format", "json")
    assert str(path).replace("'", "''") in json.loads(done.out)[0]["r"]


def test_a_mistyped_database_is_not_created(sqlml_here, tmp_path):
    for arguments in (
        ("train", "typo.duckdb", "churn", "--relation", "customers", "--target", "y"),
        ("models", "typo.duckdb"),
        ("verify", "typo.duckdb"),
        ("deploy", "typo.duckdb", "churn", "1"),
        ("rollback", "typo.duckdb", "churn"),
        ("score", "typo.duckdb", "churn", "--relation", "t", "--into", "p", "--key-column", "id"),
    ):
        done = sqlml_here(*arguments)
        assert done.code == 2
        assert "there is no file 'typo.duckdb'" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--relation", "custmers", "--target", "has_left"), "ML003", "custmers"),
        (("--relation", "absent.csv", "--target", "has_left"), "ML003", "there is no such file"),
        (("--relation", "SELECT 1; DROP TABLE customers", "--target", "has_left"), "ML003", "relation"),
        (("--relation", "customers", "--target", "has_lft"), "ML001", "has_left"),
        (("--relation", "customers", "--target", "has_left", "--algorithm", "lightgmb"), "ML001", "lightgbm"),
        (("--relation", "customers", "--target", "has_left", "--hyperparams", "{leaves: 3}"), "ML001", "hyperparams"),
        (("--relation", "customers", "--target", "has_left", "--deploy", "now"), "ML001", "gated"),
    ],
)
def test_errors_of_training_are_one_line_and_change_nothing(sqlml_here, shop, options, code, said):
    done = sqlml_here("train", shop, "churn", *options)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(code + " ")
    assert said in done.err
    assert done.err.count("\n") == 1
    with sqlml.connect(shop, read_only=True) as con:
        assert con.execute("SELECT count(*) FROM sqlml.model_version").fetchall() == [(1,)]


def test_a_table_may_be_named_like_a_file(sqlml_here, shop):
    sqlml_here("sql", shop, "CREATE SCHEMA rows; CREATE TABLE rows.csv AS FROM customers")
    done = sqlml_here("train", shop, "churn", "--relation", "rows.csv", *BASELINE, "--format", "json")
    assert answered(done)["version"] == 2


def test_deploy_and_rollback(sqlml_here, shop):
    sqlml_here("train", shop, "churn", "--relation", "customers", *LINEAR, "--deploy", "never")
    answer = answered(sqlml_here("deploy", shop, "churn", 2, "--reason", "looks good", "--format", "json"))
    assert (answer["alias"], answer["version"], answer["previous_version"]) == ("champion", 2, 1)
    answer = answered(sqlml_here("rollback", shop, "churn", "--reason", "it was not", "--format", "json"))
    assert (answer["version"], answer["previous_version"]) == (1, 2)
    with sqlml.connect(shop, read_only=True) as con:
        reasons = con.execute("SELECT reason FROM sqlml.deployment ORDER BY valid_from").fetchall()[1:]
    assert reasons == [("looks good",), ("it was not",)]
    answer = answered(sqlml_here("deploy", shop, "churn", 2, "--alias", "challenger", "--format", "json"))
    assert answer["previous_version"] is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("deploy", "churn", "9"), "ML010"), (("deploy", "chrn", "1"), "ML010"), (("rollback", "churn"), "ML040")],
)
def test_errors_of_deploying(sqlml_here, shop, arguments, code):
    verb, *rest = arguments
    done = sqlml_here(verb, shop, *rest)
    assert (done.code, done.out, done.err[:5]) == (1, "", code)


def test_score_adds_nothing_twice(sqlml_here, shop):
    arguments = ("score", shop, "churn", "--relation", "customers", "--into", "p", "--key-column", "id")
    assert answered(sqlml_here(*arguments, "--format", "json"))["rows"] == 400
    assert answered(sqlml_here(*arguments, "--format", "json"))["rows"] == 0
    done = sqlml_here("sql", shop, "SELECT count(*) AS n, min(version) AS v FROM p", "--format", "csv")
    assert done.out == "n,v\n400,1\n"


def test_models_lists_what_is_live(sqlml_here, shop):
    sqlml_here("train", shop, "churn", "--relation", "customers", *BASELINE, "--deploy", "never")
    sqlml_here("train", shop, "draft", "--relation", "customers", *BASELINE, "--deploy", "never")
    done = sqlml_here("models", shop, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    shown = [(row["model"], row["task"], row["champion"], row["algorithm"], row["latest_version"]) for row in rows]
    assert shown == [("churn", "binary", "1", "baseline", "2"), ("draft", "binary", "", "", "1")]
    assert rows[0]["live_since"]
    assert " churn │ binary │" in sqlml_here("models", shop).out


def test_an_interrupt_of_training_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "big.duckdb"
    with sqlml.connect(path) as con:
        con.execute("CREATE TABLE big AS SELECT random() AS x, random() < 0.5 AS y FROM range(100000)")
    endless = ("--relation", "big", "--target", "y", "--hyperparams", '{"num_iterations": 100000}')
    with subprocess.Popen(
        [COMMAND, "train", path, "slow", *endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "interrupted; nothing was changed\n")
    assert time.monotonic() - began < 5
    with sqlml.connect(path, read_only=True) as con:
        assert con.execute("FROM sqlml.model UNION ALL BY NAME FROM sqlml.run").fetchall() == []
