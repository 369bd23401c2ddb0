"""All numbers of a run of monitoring speak of the same rows, whatever others commit while it runs."""

from contextlib import contextmanager

import psycopg
import pytest

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened, postgres_engine
from sqlml.install import install
from sqlml.lifecycle.monitor import monitor

TABLE = """CREATE TABLE visit AS SELECT id, CAST((id * 7) % 41 AS DOUBLE PRECISION) AS a, id % 3 = 0 AS y
    FROM generate_series(1, 400) AS g(id)"""
TRAIN = "CALL sqlml.train('m', 'visit', 'y', algorithm => 'baseline', key_column => 'id', deploy => 'always')"
SCORE = "CALL sqlml.score('m', 'SELECT * FROM visit WHERE id % 2 = {}', 'scored', 'id')"
TRUTH = "CALL sqlml.record_truth('m', 'SELECT id, y FROM visit WHERE id % 4 < 2', 'id', 'y')"
NEWS = (
    "DELETE FROM scored WHERE id % 5 = 0",
    "UPDATE scored SET features = NULL WHERE id % 7 = 0",
    "INSERT INTO scored SELECT * FROM scored WHERE id % 3 = 0",
    "INSERT INTO sqlml.ground_truth SELECT * FROM sqlml.ground_truth WHERE key = '1'",
)


@contextmanager
def _duckdb(request):
    con = request.getfixturevalue("con")
    with con.cursor() as other:
        yield DuckDBEngine(con), con.execute, other.execute


@contextmanager
def _postgres(request):
    url = request.getfixturevalue("postgres")
    with opened(url) as engine:
        install(engine)
    path = {"autocommit": True, "options": "-c search_path=public,sqlml"}
    with psycopg.connect(url, **path) as con, psycopg.connect(url, **path) as other:
        yield postgres_engine(con), con.execute, other.execute


@pytest.mark.parametrize("database", [_duckdb, _postgres])
def test_a_commit_between_two_statements_is_seen_by_all_numbers_or_by_none(request, database):
    with database(request) as (engine, run, other):
        run(TABLE)
        for version in (0, 1):
            run(TRAIN)
            run(SCORE.format(version))
        run(TRUTH)
        committed = []

        def meddle(_stage, _done, _total):
            for statement in NEWS:
                other(statement)
                committed.append(statement)

        answer = monitor(engine, "m", report=meddle)
        assert len(committed) == 3 * len(NEWS)
        assert (answer["predictions"], answer["note"]) == (400, None)
        for version in (1, 2):
            n = "SELECT DISTINCT {} FROM sqlml.{}_metric WHERE version = {} AND metric {}"
            assert run(n.format("value", "profile", version, "= 'n'")).fetchall() == [(200,)]
            assert run(n.format("value", "profile", version, "= 'n_missing'")).fetchall() == [(0,)]
            assert run(n.format("n_current", "drift", version, "= 'psi'")).fetchall() == [(200,)]
            assert run(n.format("n, value", "performance", version, "= 'label_coverage'")).fetchall() == [(200, 0.5)]
            assert run(n.format("n", "performance", version, "= 'accuracy'")).fetchall() == [(100,)]
        assert run("SELECT n_predictions FROM sqlml.monitored_window").fetchall() == [(400,)]
        assert run("SELECT count(*) FROM scored").fetchall() != [(400,)]
