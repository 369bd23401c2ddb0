"""A version that moves from one engine to the other is the same model, is proved there, and answers the same."""

import uuid

import psycopg
import pytest
from click.testing import CliRunner
from postgres import name_of

import sqlml
from sqlml.cli.program import program
from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.errors import InvalidArgument, ModelNotFound, PermissionDenied
from sqlml.install import install
from sqlml.lifecycle.copy import copy_version

VISIT = """CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, ((i * 104729) % 1000) / CAST(10 AS DOUBLE PRECISION) AS income,
       CASE i % 4 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' WHEN 2 THEN 'phone' END AS channel,
       CAST('2024-01-01' AS DATE) + CAST(i % 300 AS INTEGER) AS seen_on,
       ((i * 7919) % 97 > 40 AND i % 3 <> 2) OR i % 11 = 0 AS bought
FROM generate_series(CAST(1 AS BIGINT), 900) AS g(i)"""
TRAIN = "CALL sqlml.train(model => 'buyer', relation => 'visit', target => 'bought', key_column => 'visit_id')"
ANSWERS = "SELECT visit_id, predict('buyer', v), sqlml.predict_buyer(v) FROM visit AS v ORDER BY visit_id"
RAW = "SELECT visit_id, sqlml.raw_score_buyer(v) FROM visit AS v ORDER BY visit_id"


@pytest.fixture
def server(postgres):
    """A PostgreSQL database with sqlml and the visits, by its URL."""
    with opened(postgres) as engine:
        install(engine)
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute(VISIT)
    return postgres


def rows_in(url, sql):
    with psycopg.connect(url, autocommit=True, options="-c search_path=public,sqlml") as con:
        return con.execute(sql).fetchall()


def test_from_duckdb_to_postgres(con, server):
    con.execute(VISIT)
    con.execute(TRAIN)
    with opened(server) as target:
        answer = copy_version(DuckDBEngine(con.cursor()), target, "buyer")
    hashes = "SELECT artifact_hash FROM sqlml.model_version"
    assert (answer["version"], answer["source_version"], answer["deployed"]) == (1, 1, True)
    assert rows_in(server, hashes) == con.execute(hashes).fetchall() == [(answer["artifact_hash"],)]
    assert rows_in(server, "SELECT dialect, max_abs_diff, rows_compared FROM sqlml.compiled") == [
        ("postgres", 0.0, 225)
    ]
    assert raw_scores(rows_in(server, RAW)) == raw_scores(con.execute(RAW).fetchall())
    here, there = con.execute(ANSWERS).fetchall(), rows_in(server, ANSWERS)
    assert [row[0] for row in here] == [row[0] for row in there]
    assert [row[1] for row in there] == pytest.approx([row[1] for row in here], rel=3e-16)
    for table in ("metric", "reference_profile", "reference_count", "reference_row", "reference_metric", "trial"):
        counted = f"SELECT count(*) FROM sqlml.{table}"
        assert rows_in(server, counted) == con.execute(counted).fetchall()
    assert rows_in(server, "SELECT kind FROM sqlml.run ORDER BY started_at") == [("train",), ("copy",), ("deploy",)]
    assert "copied from duckdb, where it was buyer@1" in str(rows_in(server, "SELECT notes FROM sqlml.model_version"))


def test_from_postgres_to_duckdb_and_there_already(con, server):
    rows_in(server, TRAIN)
    rows_in(server, TRAIN.replace("'buyer'", "'buyer', algorithm => 'linear', deploy => 'never'"))
    con.execute(VISIT)
    engine = DuckDBEngine(con.cursor())
    with opened(server) as source:
        second = copy_version(source, engine, "buyer@2", deploy=False)
        assert (second["version"], second["deployed"]) == (1, False)
        first = copy_version(source, engine, "buyer")
        assert (first["version"], first["source_version"], first["deployed"]) == (2, 1, True)
        again = copy_version(source, engine, "buyer")
    assert (again["version"], again["deployed"], again["run_id"]) == (2, False, None)
    assert con.execute("SELECT version FROM sqlml.deployment WHERE valid_to IS NULL").fetchall() == [(2,)]
    assert raw_scores(con.execute(RAW).fetchall()) == raw_scores(rows_in(server, RAW))


def test_what_cannot_be_copied_changes_nothing(con, server):
    con.execute(VISIT)
    con.execute(TRAIN.replace("bought'", "age'"))
    rows_in(server, TRAIN)
    engine = DuckDBEngine(con.cursor())
    with opened(server) as target:
        with pytest.raises(InvalidArgument, match=r"predicts 'bought' \(binary\), and this one predicts 'age'"):
            copy_version(engine, target, "buyer@1")
        with pytest.raises(ModelNotFound, match="no version or alias '7'"):
            copy_version(engine, target, "buyer@7")
    assert rows_in(server, "SELECT count(*) FROM sqlml.model_version") == [(1,)]


def test_the_command(tmp_path, server):
    with sqlml.connect(tmp_path / "shop.duckdb") as con:
        con.execute(VISIT)
        con.execute(TRAIN)
    arguments = ["copy", "buyer", "--from", str(tmp_path / "shop.duckdb"), "--to", server]
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.output.startswith("buyer@1 is live as buyer@1, artifact ")
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.output.startswith("buyer@1 was there already as buyer@1")
    result = CliRunner().invoke(program, ["copy", "buyer", "--from", "nowhere.duckdb", "--to", server])
    assert result.exit_code == 2
    assert "there is no file" in result.output


@pytest.fixture
def reader(server):
    """A login of the server that may only read the metadata."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN; GRANT sqlml_reader TO {name}")
        yield name
        admin.execute(f"DROP ROLE {name}")


def test_a_login_that_may_not_copy_is_told_what_it_lacks(tmp_path, server, reader, postgres_server):
    url, file = postgres_server.url_of(name_of(server), reader), str(tmp_path / "there.duckdb")
    ways = {"sqlml_trainer": ["--from", url, "--to", file], "sqlml_owner": ["--from", file, "--to", url]}
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(TRAIN)
        for role, way in ways.items():
            remedy = f"GRANT {role} TO {reader}"
            refused = CliRunner().invoke(program, ["copy", "buyer", *way]).exception
            assert isinstance(refused, PermissionDenied)
            assert remedy in str(refused)
            admin.execute(remedy)
            assert CliRunner().invoke(program, ["copy", "buyer", *way], catch_exceptions=False).exit_code == 0


def raw_scores(rows):
    """The scores of each row as bits; PostgreSQL gives an array where DuckDB gives a number."""
    return [(key, *(value.hex() for value in (raw if isinstance(raw, list) else [raw]))) for key, raw in rows]
