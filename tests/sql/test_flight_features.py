"""The features of the example model: nothing in them is later than two hours before departure, and they add up."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
SOURCES, FLIGHT, FEATURES = ("01_sources.sql", "02_flight.sql", "03_flight_features.sql")

CUTS = {
    "a quiet evening before there is weather": "2016-07-12 02:00:00",
    "a foggy morning": "2016-10-07 15:30:00",
    "snow in Portland": "2016-12-15 01:00:00",
    "the night in which the clocks change": "2017-03-12 10:30:00",
}
"""Moments, in UTC, after which nothing may count for a flight that is predicted by then."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def text_of(file: str) -> str:
    return (PROJECT / "flights" / file).read_text()


def new_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET VARIABLE flights_data = ?::VARCHAR".replace("?::VARCHAR", f"'{PROJECT / 'data'}'"))
    connection.execute(text_of(SOURCES))
    return connection


def scalar(connection: duckdb.DuckDBPyConnection, query: str):
    return connection.execute(query).fetchone()[0]


@pytest.fixture(scope="module")
def flights():
    """The whole year, built as the demo builds it."""
    with new_database() as connection:
        connection.execute(text_of(FLIGHT))
        connection.execute(text_of(FEATURES))
        yield connection


# What is there, what is left out, and why


def test_every_recorded_flight_is_kept_or_left_out_for_a_reason(flights):
    assert scalar(flights, "SELECT count(*) FROM raw_flights") == 193_809
    assert scalar(flights, "SELECT count(*) FROM flight") == 193_751
    assert scalar(flights, "SELECT count(*) FROM flight_features") == 189_208
    reasons = flights.execute("SELECT reason, count(*) FROM flight_left_out GROUP BY reason ORDER BY reason").fetchall()
    assert reasons == [
        ("cancelled before the number ever flew the route", 58),
        ("first flight of the number on the route", 4_543),
    ]
    overlap = "SELECT count(*) FROM flight_features JOIN flight_left_out USING (flight_id)"
    assert scalar(flights, overlap) == 0


def test_outcomes_are_counted_as_documented(flights):
    row = flights.execute("""
        SELECT count(*) FILTER (WHERE is_cancelled), count(*) FILTER (WHERE is_diverted),
               count(*) FILTER (WHERE is_late), count(*) FILTER (WHERE is_late AND coalesce(arr_delay, 999) <= 15)
        FROM flight
    """).fetchone()
    assert row == (1_146, 539, scalar(flights, "SELECT sum(is_late::INTEGER) FROM flight"), 0)
    assert scalar(flights, "SELECT bool_and(outcome_utc > scheduled_utc) FROM flight")


def test_one_row_per_flight_with_key_target_and_time(flights):
    row = flights.execute("""
        SELECT count(*), count(DISTINCT flight_id), count(is_late), count(scheduled_at) FROM flight_features
    """).fetchone()
    assert len(set(row)) == 1


def test_columns_have_plain_types_and_comments(flights):
    columns = flights.execute("""
        SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = 'flight_features'
    """).fetchall()
    assert {kind for _, kind, _ in columns} <= {"INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP"}
    assert [name for name, _, comment in columns if not comment] == []


def test_rows_are_the_same_with_any_number_of_threads():
    def rows(threads: int):
        with new_database() as connection:
            connection.execute(f"SET threads = {threads}")
            keep_days(connection, "2016-06-01", "2016-06-21")
            connection.execute(text_of(FLIGHT))
            connection.execute(text_of(FEATURES))
            return connection.execute("FROM flight_features").fetchall()

    assert rows(1) == rows(2)


# The leak proof: change everything that is not known at a moment, and every earlier feature stays what it was


def keep_days(connection: duckdb.DuckDBPyConnection, first: str, last: str) -> None:
    connection.execute(f"DELETE FROM raw_flights WHERE flight_date NOT BETWEEN DATE '{first}' AND DATE '{last}'")


def known_features(connection: duckdb.DuckDBPyConnection, cut: str) -> dict[str, tuple]:
    """The features, by flight, of all flights that are predicted at the cut or before."""
    relation = connection.execute(f"""
        SELECT flight_features.* EXCLUDE (is_late)
        FROM flight_features JOIN flight USING (flight_id)
        WHERE flight.scheduled_utc - INTERVAL '2 hours' <= TIMESTAMP '{cut}'
    """)
    return {row[0]: row for row in relation.fetchall()}


REWRITE_FLIGHTS = """
CREATE OR REPLACE TEMP TABLE rewritten AS
WITH unknown AS (
  SELECT
    *,
    hash(flight_id) AS dice,
    departed_utc <= $cut AS has_left,
    (60 * hour(scheduled_at) + minute(scheduled_at))::INTEGER AS schedule,
    greatest(0, date_diff('minute', scheduled_utc, $cut)) AS minutes_since_schedule,
    flight_date > ($cut - INTERVAL '8 hours')::DATE + 1 AS is_far_off
  FROM truth
  WHERE outcome_utc > $cut
),
left_again AS (
  SELECT
    *,
    NOT coalesce(has_left, FALSE) AND dice % 5 = 0
      AND coalesce(timetable_utc = scheduled_utc, TRUE) AND scheduled_utc + INTERVAL '4 hours' > $cut AS now_cancelled,
    CASE WHEN has_left THEN dep_delay ELSE minutes_since_schedule + 1 + (dice % 600)::INTEGER END AS new_delay,
    CASE WHEN is_far_off THEN (schedule + dice % 700) % 1440 ELSE schedule END AS new_schedule
  FROM unknown
),
in_the_air AS (
  SELECT *, greatest(20, date_diff('minute', departed_utc, $cut) + 1) AS least_air_time FROM left_again
)
SELECT
  flight_id, is_cancelled, now_cancelled, is_far_off AND dice % 2 = 0 AS is_deleted,
  CASE WHEN NOT now_cancelled THEN new_delay END::INTEGER AS dep_delay,
  CASE WHEN NOT now_cancelled THEN (new_schedule + new_delay) % 1440 // 60 END::INTEGER AS dep_hour,
  CASE WHEN NOT now_cancelled THEN (new_schedule + new_delay) % 1440 % 60 END::INTEGER AS dep_minute,
  CASE WHEN NOT now_cancelled AND dice % 11 > 0 THEN dice % 24 * 100 + dice % 60 END::INTEGER AS arr_time,
  CASE WHEN NOT now_cancelled AND dice % 11 > 0 THEN (dice % 2000)::INTEGER - 60 END AS arr_delay,
  CASE WHEN NOT now_cancelled AND dice % 11 > 0
    THEN CASE WHEN has_left THEN least_air_time ELSE 20 END + (dice % 500)::INTEGER END::INTEGER AS air_time,
  CASE WHEN now_cancelled THEN '' ELSE 'N' || dice % 1000 || 'AS' END AS tailnum
FROM in_the_air
"""

KEY_OF_RAW = "flight_date || ' ' || carrier || ' ' || flight_number || ' ' || origin || ' ' || dest"


def rewrite_the_future(connection: duckdb.DuckDBPyConnection, cut: str) -> None:
    """Give every outcome and observation after the cut other values, or none; delete half of what is farther off.

    A flight keeps its schedule, for that is known. So a flown flight becomes a cancelled one only where its
    schedule is the one that a cancelled flight would be given.
    """
    moment = datetime.fromisoformat(cut)
    connection.execute(REWRITE_FLIGHTS, {"cut": moment})
    connection.execute(f"""
        UPDATE raw_flights SET
          dep_delay = r.dep_delay, dep_hour = r.dep_hour, dep_minute = r.dep_minute, arr_time = r.arr_time,
          arr_delay = r.arr_delay, air_time = r.air_time, tailnum = r.tailnum
        FROM rewritten AS r WHERE r.flight_id = {KEY_OF_RAW}
    """)
    doomed = "SELECT flight_id FROM rewritten WHERE is_deleted"
    connection.execute(f"DELETE FROM raw_flights WHERE {KEY_OF_RAW} IN ({doomed})")
    observed_later = "observed_utc + INTERVAL '1 hour' > $cut"
    connection.execute(f"DELETE FROM raw_weather WHERE {observed_later} AND hash(observed_utc) % 2 = 0", {"cut": moment})
    connection.execute(
        f"UPDATE raw_weather SET visibility = hash(observed_utc) % 9, wind_speed = 99 WHERE {observed_later}",
        {"cut": moment},
    )


def before_and_after(cut: str, days: int, files: tuple[str, str]) -> tuple[dict, dict, duckdb.DuckDBPyConnection]:
    """The features known at the cut, from the data as they are and from data with another future."""
    connection = new_database()
    day = date.fromisoformat(cut[:10])
    keep_days(connection, str(day - days * DAY), str(day + 4 * DAY))
    connection.execute(text_of(FLIGHT))
    connection.execute("CREATE TABLE truth AS FROM flight")
    for file in files:
        connection.execute(file)
    before = known_features(connection, cut)
    connection.execute("CREATE TABLE features_before AS FROM flight_features")
    rewrite_the_future(connection, cut)
    for file in files:
        connection.execute(file)
    return before, known_features(connection, cut), connection


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_no_feature_knows_what_comes_later(cut):
    before, after, connection = before_and_after(cut, 33, (text_of(FLIGHT), text_of(FEATURES)))
    with connection:
        assert len(before) > 10_000
        assert after == before
        changed = connection.execute(f"""
            SELECT
              count(*) FILTER (WHERE old.is_late <> new.is_late),
              count(*) FILTER (WHERE now_cancelled AND NOT rewritten.is_cancelled),
              count(*) FILTER (WHERE NOT now_cancelled AND rewritten.is_cancelled)
            FROM rewritten
            JOIN features_before AS old USING (flight_id)
            JOIN flight_features AS new USING (flight_id)
            JOIN truth USING (flight_id)
            WHERE truth.scheduled_utc - INTERVAL '2 hours' <= TIMESTAMP '{cut}'
        """).fetchone()
        assert changed[0] > 10, "the outcomes of the flights compared must have changed"
        assert changed[1] > 0, "some of the flights compared must have become cancelled"


PEEKS = {
    "predicted at departure": (FLIGHT, "scheduled_utc - INTERVAL '2 hours' ", "scheduled_utc "),
    "known before landing": (FLIGHT, "ELSE landed_utc", "ELSE departed_utc"),
    "cancellation known at once": (FLIGHT, "scheduled_utc + INTERVAL '4 hours'", "scheduled_utc - INTERVAL '9 hours'"),
    "weather of the hour that has begun": (FEATURES, "raw_weather.known_utc =", "raw_weather.observed_utc ="),
    "the plane that flew": (FEATURES, "JOIN last_of_number USING (flight_id)", "JOIN flight AS last_of_number USING (flight_id)"),
    "traffic by who flew": (FEATURES, "timetable_utc AS moment, origin, 1 AS flights", "departed_utc, origin, 1"),
}


@pytest.mark.parametrize(("file", "honest", "peeking"), PEEKS.values(), ids=PEEKS.keys())
def test_the_proof_sees_a_feature_that_peeks(file, honest, peeking):
    assert honest in text_of(file)
    files = tuple(text_of(name).replace(honest, peeking) if name == file else text_of(name) for name in (FLIGHT, FEATURES))
    before, after, connection = before_and_after("2016-12-15 01:00:00", 9, files)
    connection.close()
    assert after != before
