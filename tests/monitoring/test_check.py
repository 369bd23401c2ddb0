"""Running a suite of checks: results, history, named suites, and what is refused."""

import json

import pytest

import sqlml
from sqlml.errors import InvalidArgument


@pytest.fixture
def order(con):
    con.execute("CREATE TABLE \"Order\" AS SELECT i AS id, 'n' || i AS name, i % 7 AS n FROM range(50) AS g(i)")
    return con


def check(con, suite, relation='"Order"'):
    text = suite if isinstance(suite, str) else json.dumps(suite)
    return con.execute('CALL sqlml."check"($relation, $suite)', {"relation": relation, "suite": text}).fetchall()[0][1:]


def results(con, columns):
    return con.execute(f"SELECT {columns} FROM sqlml.check_result ORDER BY checked_at, position").fetchall()


def test_a_check_that_the_values_do_not_allow_fails_and_the_others_are_made(order):
    suite = [
        {"check": "range", "column": "name", "min": 0},
        {"check": "range", "column": "name", "min": 0, "severity": "warn"},
        {"check": "not_null", "column": "ID"},
    ]
    assert check(order, suite) == (1, 1, 1, 0)
    found = results(order, "status, column_name, actual, failing_rows")
    assert [row[:2] for row in found[:2]] == [("fail", "name"), ("warn", "name")]
    assert found[0][2].startswith("the values do not allow it: Conversion Error: Could not convert string 'n0'")
    assert found[2] == ("pass", "id", "0 of 50 rows fail", 0)


def test_a_select_is_computed_once_for_all_checks(order):
    order.execute("CREATE SEQUENCE calls")
    suite = [{"check": "not_null", "column": "id"}] * 3 + [{"check": "row_count", "min": 1}]
    relation = "SELECT id, nextval('calls') AS call FROM \"Order\" WHERE n = 3"
    assert check(order, suite, relation) == (4, 0, 0, 0)
    ((calls,),) = order.execute("SELECT nextval('calls')").fetchall()
    assert calls == 1 + 7
    assert set(results(order, "relation, relation_rows")) == {(relation, 7)}


def test_the_history_of_row_counts_is_that_of_earlier_runs_on_the_same_relation(order):
    suite = [{"check": "row_count", "max_z": 3.5, "least_windows": 3}]
    other = 'SELECT * FROM "Order" WHERE id < 5'
    assert [check(order, suite) for _ in range(4)] == [(0, 0, 0, 1)] * 3 + [(1, 0, 0, 0)]
    assert check(order, suite, other) == (0, 0, 0, 1)
    order.execute('INSERT INTO "Order" SELECT * FROM "Order"')
    assert check(order, suite) == (0, 0, 1, 0)
    assert results(order, "actual")[-1] == ("100 rows; median of 4 earlier windows: 50",)


def test_a_named_suite_is_kept_by_revision(order):
    one, two = ([{"check": "not_null", "column": column}] for column in ("id", "name"))
    for checks in (one, one, two):
        check(order, {"name": "whole", "checks": checks})
    check(order, " whole ")
    assert order.execute("SELECT suite, revision FROM sqlml.check_definition ORDER BY 2").fetchall() == [
        ("whole", 1),
        ("whole", 2),
    ]
    assert results(order, "suite, revision, column_name") == [
        ("whole", 1, "id"), ("whole", 1, "id"), ("whole", 2, "name"), ("whole", 2, "name")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ('{"name": "whole", "name": "other", "checks": []}', "the key 'name' stands twice"),
        ('{"name": "Whole", "checks": []}', "name of the suite => 'Whole' is not a name"),
        ('{"name": "whole", "checks": {}}', "must be"),
        ("[1]", "array of objects"),
        ("", "is no suite"),
        (
            '[{"check": "unique", "columns": ["id", "nane"]}]',
            r"entry 1 of the suite \(unique\): 'nane' is no column.*closest: n",
        ),
        ("nothing", "no suite has this name; there are none"),
    ],
)
def test_a_suite_that_is_not_understood_is_refused_and_leaves_nothing(order, suite, message):
    with pytest.raises(InvalidArgument, match=message):
        check(order, suite)
    assert results(order, "*") == []
    assert order.execute("SELECT count(*) FROM sqlml.check_definition").fetchall() == [(0,)]


def test_a_failure_while_writing_leaves_nothing(order, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("sqlml.lifecycle.check.finish_run", fail)
    with pytest.raises(sqlml.SqlmlError, match="RuntimeError: the disk is full"):
        check(order, {"name": "whole", "checks": [{"check": "not_null", "column": "id"}]})
    assert results(order, "*") == []
    assert order.execute("SELECT count(*) FROM sqlml.check_definition").fetchall() == [(0,)]
