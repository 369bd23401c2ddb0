"""A prediction table is recorded where it is: once, however it is named, and whatever its file is called later."""

import shutil
from itertools import chain

import duckdb
import psycopg
import pytest

import sqlml
from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.install import install, shipped_folder, verify

TRAINED = """
CREATE TABLE visit AS SELECT i AS visit_id, i % 7 AS age, i % 2 = 0 AS bought
FROM generate_series(CAST(1 AS BIGINT), 60) AS g(i);
CALL sqlml.train(model => 'buyer', relation => 'visit', target => 'bought', key_column => 'visit_id',
  algorithm => 'baseline', deploy => 'always');
CREATE SCHEMA kept;
"""
SCORE = "CALL sqlml.score('buyer', 'visit', '{}', key_column => 'visit_id')"
MONITOR = "CALL sqlml.monitor('buyer')"
RECORDED = "SELECT relation, key_column FROM sqlml.prediction_table ORDER BY created_at"
MIGRATION = "migrations/0004_prediction_table.sql"


@pytest.fixture
def shop(tmp_path):
    """A DuckDB file with a live model."""
    path = tmp_path / "shop.duckdb"
    with sqlml.connect(path) as con:
        run(con, TRAINED)
    return path


@pytest.fixture
def server(postgres):
    """A superuser's connection to a database with the same model."""
    with opened(postgres) as engine:
        install(engine)
    with psycopg.connect(postgres, autocommit=True) as con:
        run(con, TRAINED)
        yield con


def run(con, script):
    for statement in filter(str.strip, script.split(";")):
        con.execute(statement)


def recorded(con):
    return con.execute(RECORDED).fetchall()


def monitored(con):
    """How many predictions were monitored."""
    result = con.execute(MONITOR)
    names = [column[0] for column in result.description]
    return result.fetchone()[names.index("predictions")]


def test_a_file_that_is_copied_keeps_its_prediction_tables(shop, tmp_path):
    with sqlml.connect(shop) as con:
        con.execute(SCORE.format("shop.main.answer"))
        assert recorded(con) == [("main.answer", "visit_id")]
    # A schema has the name of this file, and so could be meant.
    copied = tmp_path / "main.duckdb"
    shutil.copy(shop, copied)
    with sqlml.connect(copied) as con:
        con.execute("CALL sqlml.score('buyer', 'visit', 'answer', key_column => 'visit_id')")
        assert recorded(con) == [("main.answer", "visit_id")]
        assert monitored(con) == 60


def test_one_table_under_several_names_is_one_in_duckdb(shop):
    with sqlml.connect(shop) as con:
        for name in ("answer", "Answer", "main.answer", "shop.answer", "shop.main.answer", "kept.answer"):
            con.execute(SCORE.format(name))
        assert recorded(con) == [("main.answer", "visit_id"), ("kept.answer", "visit_id")]
        assert monitored(con) == 120


def test_a_prediction_table_in_our_own_schema_is_nothing_extra(shop):
    with sqlml.connect(shop) as con, con.cursor() as cursor:
        con.execute(SCORE.format('sqlml."My answer"'))
        assert recorded(con) == [('sqlml."My answer"', "visit_id")]
        assert verify(DuckDBEngine(cursor)) == []


def test_one_table_under_several_names_is_one_in_postgresql(server):
    for name in ("answer", "Answer", "public.answer", "kept.answer", 'kept."My answer"', 'kept."order"'):
        server.execute(SCORE.format(name))
    assert recorded(server) == [
        ("public.answer", "visit_id"),
        ("kept.answer", "visit_id"),
        ('kept."My answer"', "visit_id"),
        ('kept."order"', "visit_id"),
    ]
    server.execute("SET search_path = kept")
    server.execute("CALL sqlml.score('buyer', 'public.visit', 'answer', key_column => 'visit_id')")
    assert len(recorded(server)) == 4
    assert monitored(server) == 240


def test_a_temporary_table_is_not_recorded(server):
    """Nobody else would find it, and could monitor the model no more."""
    server.execute(SCORE.format("answer"))
    server.execute("CREATE TEMPORARY TABLE mine AS SELECT * FROM answer WHERE false")
    server.execute(SCORE.format("mine"))
    assert recorded(server) == [("public.answer", "visit_id")]
    assert monitored(server) == 60


def test_a_table_that_was_made_anew_by_another_key_is_recorded_anew(server):
    server.execute(SCORE.format("answer"))
    server.execute("DROP TABLE answer; CREATE TABLE client AS SELECT visit_id AS client_id, age FROM visit")
    server.execute("CALL sqlml.score('buyer', 'client', 'answer', key_column => 'client_id')")
    assert recorded(server) == [("public.answer", "client_id")]
    assert monitored(server) == 60


def test_what_an_older_release_recorded_in_a_file_is_found(shop, tmp_path):
    with sqlml.connect(shop) as con:
        for name in ("answer", "kept.answer", '"My answer"', '"order"'):
            con.execute(SCORE.format(name))
    before = {
        "main.answer": ["answer", "Answer", "main.answer", "shop.main.answer"],
        "kept.answer": ["kept.answer", "shop.kept.answer"],
        'main."My answer"': ["My answer"],
        'main."order"': ["order", "shop.order"],
        "main.gone": ["shop.main.gone"],
    }
    with duckdb.connect(str(shop)) as con:
        con.execute("DELETE FROM sqlml.prediction_table")
        for name in chain(*before.values()):
            con.execute(
                "INSERT INTO sqlml.prediction_table VALUES ('buyer', ?, 'visit_id', NULL, now()::TIMESTAMP)", [name]
            )
        con.execute("DELETE FROM sqlml.migration WHERE migration = ?", [MIGRATION])
    copied = tmp_path / "copy.duckdb"
    shutil.copy(shop, copied)
    with sqlml.connect(copied) as con:
        assert [place for place, _ in recorded(con)] == list(before)
        con.execute("DELETE FROM sqlml.prediction_table WHERE relation = 'main.gone'")
        assert monitored(con) == 240


def test_what_an_older_release_recorded_on_a_server_is_found(server, postgres):
    server.execute("CREATE SCHEMA other; CREATE TABLE other.second AS SELECT 1 AS no_prediction")
    for name in ("answer", "kept.answer", "kept.second", "other.twice", "kept.twice", 'kept."My answer"'):
        server.execute(SCORE.format(name))
    server.execute("DELETE FROM sqlml.prediction_table")
    database = server.info.dbname
    before = [
        "answer",
        "public.answer",
        f"{database}.public.answer",
        "second",
        "kept.answer",
        "twice",
        "kept.My answer",
    ]
    for name in before:
        server.execute(
            "INSERT INTO sqlml.prediction_table VALUES ('buyer', %s, 'visit_id', NULL, clock_timestamp())", [name]
        )
    server.execute("DELETE FROM sqlml.migration WHERE migration = %s", [MIGRATION])
    with opened(postgres) as engine:
        assert MIGRATION in install(engine)
        assert verify(engine) == []
    # A bare name that could mean two tables stays.
    assert {place for place, _ in recorded(server)} == {
        "public.answer",
        "kept.second",
        "kept.answer",
        "twice",
        'kept."My answer"',
    }
    places = set(recorded(server))
    server.execute((shipped_folder("udfs") / "postgres" / MIGRATION).read_text())
    assert set(recorded(server)) == places
    server.execute("DELETE FROM sqlml.prediction_table WHERE relation = 'twice'")
    assert monitored(server) == 240


def test_a_table_of_somebody_else_does_not_stop_the_monitoring(server, postgres):
    """One that is closed to the caller is left out and said so; one that is gone is forgotten by the next scoring."""
    server.execute(SCORE.format("answer"))
    server.execute("CREATE SCHEMA closed; CREATE ROLE ann_of_places; GRANT sqlml_trainer TO ann_of_places")
    try:
        server.execute("GRANT SELECT, INSERT ON answer, visit TO ann_of_places; CREATE SCHEMA later")
        server.execute(SCORE.format("closed.mine"))
        server.execute("SET ROLE ann_of_places")
        result = server.execute(MONITOR)
        row = dict(zip([column.name for column in result.description], result.fetchone(), strict=True))
        assert row["predictions"] == 60
        left_out = "prediction table 'closed.mine' of model 'buyer' is left out: {}"
        assert left_out.format("you may not read it") in row["note"]
        server.execute("RESET ROLE")
        server.execute("GRANT USAGE ON SCHEMA closed TO ann_of_places")
        server.execute("GRANT SELECT ON closed.mine TO ann_of_places; ALTER TABLE closed.mine DROP COLUMN label")
        assert left_out.format("it lacks label") in server.execute(MONITOR).fetchone()[-1]
        server.execute("DROP SCHEMA closed CASCADE; SET ROLE ann_of_places")
        result = server.execute(MONITOR)
        assert left_out.format("it is gone") in result.fetchone()[-1]
        server.execute(SCORE.format("answer"))
        assert recorded(server) == [("public.answer", "visit_id")]
    finally:
        server.execute("RESET ROLE")
        server.execute("DROP OWNED BY ann_of_places; DROP ROLE ann_of_places")
