"""Checks that the values or the type of a column do not allow, and errors that have nothing to do with values."""

import json

import psycopg
import pytest

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.errors import EngineError
from sqlml.install import install
from sqlml.lifecycle.check import check

READ_AGAIN = """
CREATE SEQUENCE readings;
CREATE VIEW once AS SELECT 1 AS a WHERE CASE WHEN nextval('readings') = 1 THEN {fails} ELSE true END
"""
RESULTS = "SELECT status, actual FROM sqlml.check_result ORDER BY position"


@pytest.fixture
def server(postgres):
    """A superuser's engine on a new database that has sqlml."""
    with opened(postgres) as engine:
        install(engine)
        yield engine


@pytest.fixture
def patient(server, postgres):
    """An engine on the same database whose statements may take half a second."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {admin.info.dbname} SET statement_timeout = '500ms'")
    with opened(postgres) as engine:
        yield engine


def run(engine, relation, *checks):
    return check(engine, relation, json.dumps(checks))


def one(column, kind, **parameters):
    return {"check": kind, "column": column, **parameters}


def test_what_a_type_does_not_allow_is_a_result_in_postgresql(server):
    server.execute("CREATE TABLE given AS SELECT true AS yes, 'x' AS word, '{}'::json AS document, 1 AS n")
    suite = [
        one("yes", "range", min=0),
        one("word", "range", min="2024-01-01"),
        one("n", "freshness", max_age="1 day"),
        {"check": "unique", "columns": ["document"]},
        one("n", "not_null"),
    ]
    assert run(server, "given", *suite)["failed"] == 4
    assert [actual for _, actual in server.rows(RESULTS)] == [
        "the values do not allow it: cannot cast type boolean to double precision",
        'the values do not allow it: invalid input syntax for type timestamp: "x"',
        "the values do not allow it: cannot cast type integer to timestamp without time zone",
        "the values do not allow it: could not identify an equality operator for type json",
        "0 of 1 rows fail",
    ]
    inside = server.rows("CALL sqlml.\"check\"('given', $suite)", {"suite": json.dumps(suite)})
    assert inside[0][1:] == (1, 0, 4, 0)


def test_what_a_type_does_not_allow_is_a_result_in_duckdb(con):
    con.execute("CREATE TABLE given AS SELECT DATE '2024-01-01' AS at, 1 AS n")
    found = run(DuckDBEngine(con), "given", one("at", "range", min=0), one("n", "freshness", max_age="1 day"))
    assert found["failed"] == 2
    assert [actual.partition(" (")[0] for _, actual in con.execute(RESULTS).fetchall()] == [
        "the values do not allow it: Conversion Error: Unimplemented type for cast",
    ] * 2


def test_a_timeout_is_no_result(patient):
    patient.script(READ_AGAIN.format(fails="pg_sleep(5) IS NOT NULL"))
    with pytest.raises(EngineError, match="ML060 relation => 'once' could not be checked: canceling statement"):
        run(patient, "once", one("a", "not_null"))
    assert patient.rows("SELECT count(*) FROM sqlml.check_result") == [(0,)]


def test_a_timeout_is_no_result_where_each_check_is_made_alone(patient):
    patient.script("""
        CREATE TYPE moment AS (at timestamp);
        CREATE FUNCTION at_last(given moment) RETURNS timestamp LANGUAGE sql
        AS 'SELECT given.at FROM pg_sleep(5)';
        CREATE CAST (moment AS timestamp) WITH FUNCTION at_last(moment);
        CREATE TABLE given AS SELECT 'x' AS word, row('2024-01-01')::moment AS at;
    """)
    with pytest.raises(EngineError, match="ML060 relation => 'given' could not be checked: canceling statement"):
        run(patient, "given", one("word", "range", min=0), one("at", "freshness", max_age="1 day"))
    assert patient.rows("SELECT count(*) FROM sqlml.check_result") == [(0,)]


def test_an_error_that_is_not_about_values_is_no_result_in_duckdb(con):
    con.execute(READ_AGAIN.format(fails="error('the disk is full')"))
    with pytest.raises(EngineError, match=r"ML060 relation => 'once' .* Invalid Input Error: the disk is full"):
        run(DuckDBEngine(con), "once", one("a", "not_null"))
    assert con.execute("SELECT count(*) FROM sqlml.check_result").fetchall() == [(0,)]


def test_types_of_postgresql_are_known_by_what_they_are_made_of(server):
    server.script("""
        CREATE EXTENSION citext;
        CREATE TYPE mood AS ENUM ('well', 'ill');
        CREATE DOMAIN cents AS integer CHECK (VALUE >= 0);
        CREATE DOMAIN price AS cents;
        CREATE TABLE given AS SELECT 'well'::mood AS mood, 1::price AS price, 'a'::citext AS mail,
          'b'::varchar(5) AS code, '2024-01-01'::timestamptz AS at, 1.5::numeric(5, 2) AS amount, ARRAY[1] AS list;
    """)
    passing = {
        "mood": ("text", "mood"),
        "price": ("integer", "number", "price"),
        "mail": ("text", "citext"),
        "code": ("text", "character varying"),
        "at": ("timestamp with time zone",),
        "amount": ("number", "numeric"),
        "list": ("integer[]",),
    }
    wanted = [one(column, "type", type=each) for column, types in passing.items() for each in types]
    assert run(server, "given", *wanted)["passed"] == len(wanted)
    other = [("mood", "integer"), ("price", "cents"), ("at", "timestamp"), ("code", "varchar")]
    assert run(server, "given", *(one(column, "type", type=each) for column, each in other))["failed"] == len(other)
    found = server.rows("SELECT actual FROM sqlml.check_result WHERE status = 'fail' ORDER BY position")
    assert found == [("text",), ("price",), ("timestamp with time zone",), ("character varying",)]
