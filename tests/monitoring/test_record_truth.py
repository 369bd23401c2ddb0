"""The truth: late, corrected, given again; and what is refused."""

import pytest
from buyer_model import put, score, visits

from sqlml.errors import InvalidData, InvalidName, TransactionError


def record(con, relation, arguments="", model="buyer"):
    con.execute(
        f"CALL sqlml.record_truth('{model}', $r, key_column => 'k', truth_column => 'y'{arguments})", {"r": relation}
    )
    return con.fetchall()[0][1]


def known(con, columns="key, value"):
    return con.execute(f"SELECT {columns} FROM sqlml.ground_truth ORDER BY key, observed_at, recorded_at").fetchall()


def test_a_truth_is_written_once_and_a_change_is_a_correction(buyer):
    assert record(buyer, "SELECT * FROM (VALUES (1, true), (2, NULL), (3, false)) AS t(k, y)") == 2
    assert record(buyer, "SELECT 1 AS k, true AS y") == 0
    assert record(buyer, "SELECT 1 AS k, false AS y") == 1
    assert record(buyer, "SELECT 1 AS k, false AS y") == 0
    assert record(buyer, "SELECT 1 AS k, true AS y") == 1
    assert known(buyer) == [("1", "true"), ("1", "false"), ("1", "true"), ("3", "false")]


@pytest.mark.parametrize("value", ["'true'", "1 = 1", "CAST('true' AS ENUM ('true', 'false'))"])
def test_a_class_is_kept_in_the_words_of_the_training_data(buyer, value):
    record(buyer, f"SELECT 'a' AS k, {value} AS y")
    assert known(buyer) == [("a", "true")]


def test_numbers_of_classes_and_of_a_regression(con):
    con.execute("CREATE TABLE t AS SELECT i AS x, i % 2 AS c, i / 3 AS v FROM range(60) AS g(i)")
    con.execute("CALL sqlml.train('c', 't', 'c', features => '[\"x\"]', algorithm => 'baseline')")
    con.execute("CALL sqlml.train('v', 't', 'v', features => '[\"x\"]', algorithm => 'baseline')")
    assert record(con, "SELECT x AS k, c::DOUBLE AS y FROM t", model="c") == 60
    assert con.execute("SELECT DISTINCT value FROM sqlml.ground_truth ORDER BY 1").fetchall() == [("0",), ("1",)]
    assert record(con, "SELECT x AS k, v AS y FROM t", model="v") == 60
    exact = "SELECT count(*) FROM sqlml.ground_truth AS g JOIN t ON t.x::VARCHAR = g.key WHERE g.value::DOUBLE = t.v"
    assert con.execute(exact + " AND g.model = 'v'").fetchall() == [(60,)]
    with pytest.raises(InvalidData, match="NaN or infinite in 1 of 1 rows"):
        record(con, "SELECT 1 AS k, 'NaN'::DOUBLE AS y", model="v")


def test_a_history_of_observations_may_come_whole_late_and_again(buyer):
    history = """SELECT * FROM (VALUES (1, true, DATE '2024-01-01'), (1, true, DATE '2024-01-05'),
      (1, false, DATE '2024-01-09')) AS t(k, y, seen)"""
    seen = ", observed_column => 'seen'"
    assert record(buyer, history, seen) == 2
    assert record(buyer, history, seen) == 0
    assert record(buyer, "SELECT 1 AS k, false AS y, DATE '2023-12-01' AS seen", seen) == 1
    assert record(buyer, "SELECT 1 AS k, false AS y, DATE '2024-02-01' AS seen", seen) == 0
    assert [str(row[1])[:10] for row in known(buyer, "value, observed_at")] == [
        "2023-12-01",
        "2024-01-01",
        "2024-01-09",
    ]
    # What was read wrongly on the same day is corrected, and stays corrected.
    assert record(buyer, "SELECT 1 AS k, true AS y, DATE '2024-01-09' AS seen", seen) == 1
    assert record(buyer, "SELECT 1 AS k, true AS y, DATE '2024-01-09' AS seen", seen) == 0


def test_the_truth_observed_last_is_what_predictions_are_held_against(buyer):
    rows = visits(40, seed=2, first=4_000)
    score(buyer, rows)
    put(buyer, "happened", rows)
    record(
        buyer,
        "SELECT visit_id AS k, NOT bought AS y, DATE '2024-02-01' AS seen FROM happened",
        ", observed_column => 'seen'",
    )
    record(
        buyer,
        "SELECT visit_id AS k, bought AS y, DATE '2024-02-02' AS seen FROM happened",
        ", observed_column => 'seen'",
    )
    record(
        buyer,
        "SELECT visit_id AS k, NOT bought AS y, DATE '2024-01-31' AS seen FROM happened",
        ", observed_column => 'seen'",
    )
    buyer.execute("CALL sqlml.monitor('buyer')")
    right = """SELECT avg(CAST((label = 'true') = bought AS INTEGER))
      FROM prediction JOIN happened AS h USING (visit_id)"""
    accuracy = "SELECT value FROM sqlml.latest_performance WHERE metric = 'accuracy'"
    assert buyer.execute(accuracy).fetchall() == buyer.execute(right).fetchall()


def test_a_key_that_stands_for_several_events_is_joined_by_its_time(buyer):
    rows = visits(30, seed=3, first=4_000)
    score(buyer, rows.set_column(0, "visit_id", rows["visit_id"].take([0] * 30)))
    put(buyer, "happened", rows)
    assert record(buyer, "SELECT 4000 AS k, bought AS y, seen_at AS at FROM happened", ", time_column => 'at'") == 30
    buyer.execute("CALL sqlml.monitor('buyer')")
    found = buyer.execute("SELECT n, label_coverage FROM sqlml.latest_performance WHERE metric = 'accuracy'").fetchall()
    assert found == [(30, 1.0)]
    with pytest.raises(
        InvalidData, match=r"1 values of 'k' have two different 'y'.*name time_column or observed_column"
    ):
        record(buyer, "SELECT 4000 AS k, bought AS y FROM happened")


def test_the_same_row_twice_is_one_truth(buyer):
    assert record(buyer, "SELECT 1 AS k, true AS y FROM range(3)") == 1


def test_what_is_refused_leaves_nothing(buyer):
    for relation, arguments, message in (
        ("SELECT 1 AS k, 'maybe' AS y", "", r"'maybe', not a class of the model.*known are: false, true"),
        ("SELECT NULL AS k, true AS y", "", r"no 'k' \(key_column\)"),
        ("SELECT 1 AS k, true AS y, NULL::DATE AS s", ", observed_column => 's'", r"no 's' \(observed_column\)"),
        ("SELECT 1 AS k, true AS y, now() AS s", ", time_column => 's'", r"AT TIME ZONE 'UTC'"),
        ("SELECT 1 AS k, true AS yy", "", r"truth_column => 'y' is no column.*closest: yy"),
    ):
        with pytest.raises(InvalidData, match=message):
            record(buyer, relation, arguments)
    with pytest.raises(InvalidName):
        record(buyer, "SELECT 1 AS k, true AS y", model="buyer@1")
    buyer.execute("BEGIN")
    with pytest.raises(TransactionError):
        record(buyer, "SELECT 1 AS k, true AS y")
    buyer.rollback()
    assert known(buyer) == []
    assert buyer.execute("SELECT count(*) FROM sqlml.run WHERE kind = 'record_truth'").fetchall() == [(0,)]
