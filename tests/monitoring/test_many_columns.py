"""A model with more columns than one statement can measure."""

from datetime import datetime

import psycopg
from sqlglot import exp

from sqlml.engine.postgres.client import opened
from sqlml.install import install
from sqlml.lifecycle import monitored
from sqlml.measure.profile import profile_select
from sqlml.measure.subset import timestamp

COLUMNS = 170
"""PostgreSQL takes 1,664 expressions in a statement; the profile of so many numbers in one would have more."""


def test_every_column_is_measured_in_postgres(postgres):
    with opened(postgres) as engine:
        install(engine)
    with psycopg.connect(postgres, autocommit=True, options="-c search_path=public,sqlml") as con:
        run = con.execute
        values = ", ".join(
            f"CAST((id * {7 * number + 11}) % 97 AS double precision) AS x{number}" for number in range(COLUMNS)
        )
        run(f"CREATE TABLE wide AS SELECT id, {values}, id % 3 = 0 AS y FROM generate_series(1, 300) AS g(id)")
        run("CALL sqlml.train('m', 'wide', 'y', algorithm => 'baseline', key_column => 'id', deploy => 'always')")
        run("CALL sqlml.score('m', 'wide', 'scored', 'id')")
        run("CALL sqlml.monitor('m')")
        for table in ("profile_metric", "drift_metric"):
            found = run(f"SELECT count(DISTINCT column_name) FROM sqlml.{table}").fetchall()
            assert found == [(COLUMNS + 1,)]


def test_what_a_profile_needs_of_all_rows_is_computed_once(postgres):
    """PostgreSQL expects one row of a table of wide rows that is not analyzed, and plans for that."""
    columns = {f"x{number}": "number" for number in range(50)}
    query = profile_select(exp.to_table("wide"), columns, timestamp(datetime(2024, 1, 1)), None, "postgres")
    with psycopg.connect(postgres, autocommit=True) as con:
        values = ", ".join(f"CAST(id % {number + 7} AS double precision) AS x{number}" for number in range(900))
        con.execute(f"CREATE TEMPORARY TABLE wide AS SELECT {values} FROM generate_series(1, 300) AS g(id)")
        con.execute("SET statement_timeout = '10s'")
        found = con.execute(query.sql("postgres")).fetchall()
        assert {row[5] for row in found if row[4] == "n"} == {300.0}


def test_columns_are_measured_alike_however_many_at_once(con, monkeypatch):
    con.execute("""CREATE TABLE visit AS
        SELECT i AS id, i % 5 AS a, CASE i % 3 WHEN 0 THEN 'x' ELSE 'y' END AS b, i * 1.5 AS c, i % 4 = 0 AS y
        FROM range(400) AS g(i)""")
    con.execute("CALL sqlml.train('m', 'visit', 'y', algorithm => 'baseline', key_column => 'id', deploy => 'always')")
    con.execute("CALL sqlml.score('m', 'SELECT * REPLACE (a + 1 AS a) FROM visit', 'scored', 'id')")
    for at_once in (2, 50):
        monkeypatch.setattr(monitored, "COLUMNS_AT_ONCE", at_once)
        con.execute(
            "CALL sqlml.monitor('m', window_start => '2000-01-01', window_end => '2100-01-01', slices => '[\"b\"]')"
        )
    for table in ("profile_metric", "drift_metric"):
        found = con.execute(f"SELECT run_id, COLUMNS(* EXCLUDE (run_id, window_start, window_end)) FROM sqlml.{table}")
        runs = {}
        for run_id, *measured in found.fetchall():
            runs.setdefault(run_id, set()).add(tuple(measured))
        one, *others = runs.values()
        assert len(one) > 50
        assert others == [one]
