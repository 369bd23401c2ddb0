"""The features of the example model: nothing in them is later than two hours before departure, and they add up."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb
import pytest
from flight_models import COMPUTED, DATA, SOURCES, compiled_models, create, create_all

CUTS = {
    "a quiet evening before there is weather": "2016-07-12 02:00:00",
    "a morning of fog in Seattle": "2016-10-10 15:30:00",
    "an evening of ice in Portland": "2016-12-09 01:00:00",
    "a morning of snow in Seattle": "2017-02-06 13:00:00",
    "the night in which the clocks change": "2017-03-12 10:30:00",
}
"""Moments, in UTC, after which nothing may count for a flight that is predicted by then."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def new_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    create_all(connection, SOURCES)
    return connection


def scalar(connection: duckdb.DuckDBPyConnection, query: str):
    return connection.execute(query).fetchone()[0]


@pytest.fixture(scope="module")
def flights():
    """The whole year."""
    with new_database() as connection:
        create_all(connection, (*COMPUTED, "flight_left_out"))
        yield connection


# What is there, what is left out, and why


def test_every_recorded_flight_is_kept_or_left_out_for_a_reason(flights):
    assert scalar(flights, "SELECT count(*) FROM stg_flights") == 193_809
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


def test_columns_have_plain_types(flights):
    columns = flights.execute("""
        SELECT data_type FROM duckdb_columns() WHERE table_name = 'flight_features'
    """).fetchall()
    assert {kind for (kind,) in columns} <= {"INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP"}


def test_rows_are_the_same_with_any_number_of_threads():
    def rows(threads: int):
        with new_database() as connection:
            connection.execute(f"SET threads = {threads}")
            keep_days(connection, "2016-06-01", "2016-06-21")
            create_all(connection, COMPUTED)
            return connection.execute("FROM flight_features").fetchall()

    assert rows(1) == rows(2)


# The leak proof: change everything that is not known at a moment, and every earlier feature stays what it was


def keep_days(connection: duckdb.DuckDBPyConnection, first: str, last: str) -> None:
    connection.execute(f"DELETE FROM stg_flights WHERE flight_date NOT BETWEEN DATE '{first}' AND DATE '{last}'")


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
    NOT coalesce(has_left, FALSE) AND dice % 3 = 0
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
        UPDATE stg_flights SET
          dep_delay = r.dep_delay, dep_hour = r.dep_hour, dep_minute = r.dep_minute, arr_time = r.arr_time,
          arr_delay = r.arr_delay, air_time = r.air_time, tailnum = r.tailnum
        FROM rewritten AS r WHERE r.flight_id = {KEY_OF_RAW}
    """)
    doomed = "SELECT flight_id FROM rewritten WHERE is_deleted"
    connection.execute(f"DELETE FROM stg_flights WHERE {KEY_OF_RAW} IN ({doomed})")
    later = {"hour": moment - HOUR}
    connection.execute("UPDATE airport_weather SET visibility = 0, wind_speed = 99 WHERE observed_utc > $hour", later)
    connection.execute("DELETE FROM airport_weather WHERE observed_utc > $hour AND hash(observed_utc) % 2 = 0", later)


def before_and_after(cut: str, days: int, models: dict[str, str]) -> tuple[dict, dict, duckdb.DuckDBPyConnection]:
    """The features known at the cut, from the data as they are and from data with another future."""
    connection = new_database()
    create(connection, "airport_weather", models["airport_weather"])
    day = date.fromisoformat(cut[:10])
    keep_days(connection, str(day - days * DAY), str(day + 4 * DAY))
    create_all(connection, ["flight"])
    connection.execute("CREATE TABLE truth AS FROM flight")
    for name in COMPUTED:
        create(connection, name, models[name])
    before = known_features(connection, cut)
    connection.execute("CREATE TABLE features_before AS FROM flight_features")
    rewrite_the_future(connection, cut)
    for name in COMPUTED:
        create(connection, name, models[name])
    return before, known_features(connection, cut), connection


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_no_feature_knows_what_comes_later(cut):
    before, after, connection = before_and_after(cut, 33, compiled_models())
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
    "predicted at departure": ("flight", "scheduled_utc - INTERVAL '2 hours' ", "scheduled_utc "),
    "known before landing": ("flight", "ELSE landed_utc", "ELSE departed_utc"),
    "cancellation known at once": (
        "flight",
        "scheduled_utc + INTERVAL '4 hours'",
        "scheduled_utc - INTERVAL '9 hours'",
    ),
    "weather of the hour that has begun": ("airport_weather", "+ INTERVAL '1 hour' ", "+ INTERVAL '0 hours' "),
    "its own end": (
        "flight_features",
        "flight_date = recent_outcome.number_flown_on",
        "flight_date = prediction.flight_date",
    ),
    "traffic by who flew": (
        "flight_features",
        "timetable_utc AS moment, origin, 1 AS flights",
        "departed_utc AS moment, origin, 1 AS flights",
    ),
}


@pytest.mark.parametrize(("model", "honest", "peeking"), PEEKS.values(), ids=PEEKS.keys())
def test_the_proof_sees_a_feature_that_peeks(model, honest, peeking):
    models = dict(compiled_models())
    assert honest in models[model]
    models[model] = models[model].replace(honest, peeking)
    before, after, connection = before_and_after("2017-02-06 13:00:00", 9, models)
    connection.close()
    assert after != before


# The same numbers, worked out flight by flight in Python from the published files


@dataclass(frozen=True)
class Recorded:
    """A flight as this test reads it, all moments in UTC."""

    key: str
    number: tuple
    day: date
    plane: str
    scheduled: datetime
    timetable: datetime | None
    left: datetime | None
    ended: datetime
    dep_delay: int | None
    arr_delay: int | None

    @property
    def route(self) -> tuple:
        return self.number[0], self.number[2], self.number[3]

    @property
    def is_late(self) -> bool:
        return self.arr_delay is None or self.arr_delay > 15

    @property
    def delay(self) -> int:
        return 180 if self.arr_delay is None else max(-30, min(180, self.arr_delay))


def utc(local: datetime, hours_from_utc: float, has_summer_time: str) -> datetime:
    """From the columns ``tz`` and ``dst`` of the airports and the two nights on which the clocks changed."""
    is_summer = not datetime(2016, 11, 6, 2) <= local < datetime(2017, 3, 12, 2)
    return local - (hours_from_utc + (is_summer and has_summer_time == "A")) * HOUR


def pacific(day: date, minute: int | None) -> datetime | None:
    return None if minute is None else utc(datetime.combine(day, time()) + minute * MINUTE, -8, "A")


def landing(aloft_until: datetime, arr_time: int, zone: tuple[float, str]) -> datetime:
    """The first moment after the time in the air at which the clock of the destination shows ``arr_time``."""
    clock = arr_time // 100 * HOUR + arr_time % 100 * MINUTE
    midnights = [datetime.combine(aloft_until.date() + days * DAY, time()) for days in (-2, -1, 0, 1, 2)]
    return min(moment for moment in (utc(day + clock, *zone) for day in midnights) if moment >= aloft_until)


def ended(row: dict, schedule: datetime, left: datetime | None, zone: tuple[float, str]) -> datetime:
    if left is None:
        return schedule + 4 * HOUR
    if row["arr_delay"] is None:
        return left + DAY
    return landing(left + row["air_time"] * MINUTE, row["arr_time"], zone)


def recorded_flights(connection: duckdb.DuckDBPyConnection) -> list[Recorded]:
    """All flights with a schedule, in the order of their days."""
    zones = {faa: zone for faa, *zone in connection.execute("SELECT faa, tz, dst FROM airports").fetchall()}
    cursor = connection.execute("FROM flights ORDER BY year, month, day")
    names = [column[0] for column in cursor.description]
    last_minute: dict[tuple, int] = {}
    flights = []
    for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall()):
        day = date(row["year"], row["month"], row["day"])
        number = (row["carrier"], row["flight"], row["origin"], row["dest"])
        before = minute = last_minute.get(number)
        if row["dep_time"] is not None:
            minute = (row["dep_time"] // 100 * 60 + row["dep_time"] % 100 - row["dep_delay"]) % 1440
        if minute is None:
            continue
        last_minute[number] = minute
        schedule = pacific(day, minute)
        left = None if row["dep_time"] is None else schedule + row["dep_delay"] * MINUTE
        end = ended(row, schedule, left, zones[row["dest"]])
        key = " ".join(str(part) for part in (day, *number))
        times = (schedule, pacific(day, before), left, end)
        flights.append(Recorded(key, number, day, row["tailnum"], *times, row["dep_delay"], row["arr_delay"]))
    return flights


def mean(values: list) -> float | None:
    return sum(values) / len(values) if values else None


def outcome_features(name: str, known: list[Recorded], now: datetime, hours: int) -> dict:
    """Means over the flights whose end became known in the last hours."""
    recent = [flight for flight in known if flight.ended >= now - hours * HOUR]
    span = f"{hours}h" if hours <= 24 else f"{hours // 24}d"
    return {
        f"{name}_delay_{span}": mean([flight.delay for flight in recent]),
        f"{name}_late_{span}": mean([flight.is_late for flight in recent]),
        f"{name}_cancelled_{span}": sum(flight.left is None for flight in recent),
    }


def departure_features(name: str, near: list[Recorded], now: datetime, hours: int) -> dict:
    recent = [flight for flight in near if flight.left and now - hours * HOUR <= flight.left <= now]
    return {
        f"{name}_dep_delay_{hours}h": mean([max(-30, min(180, flight.dep_delay)) for flight in recent]),
        f"{name}_dep_late_{hours}h": mean([flight.dep_delay > 15 for flight in recent]),
    }


def overdue(flights: list[Recorded], now: datetime) -> int:
    """Planned to have left a quarter of an hour ago, and neither gone nor given up."""
    late = [flight for flight in flights if flight.timetable and flight.timetable + 15 * MINUTE <= now]
    return sum((flight.left or flight.ended) > now for flight in late)


def neighbours(flight: Recorded, near: list[Recorded], plane: str) -> dict[str, tuple[list[Recorded], tuple[int, ...]]]:
    """By what they have in common with the flight: the others, and the spans in hours over which they are counted."""
    carrier, _, origin, dest = flight.number
    return {
        "origin": ([other for other in near if other.number[2] == origin], (3, 24)),
        "carrier": ([other for other in near if other.number[0] == carrier], (6, 24)),
        "dest": ([other for other in near if other.number[3] == dest], (6, 24)),
        "route": ([other for other in near if other.route == flight.route], (672,)),
        "number": ([other for other in near if other.number == flight.number], (168, 672)),
        "plane": ([other for other in near if other.plane == plane], (168,)),
    }


def worked_out(flight: Recorded, flights: list[Recorded], days: list[date], planes: dict[str, tuple]) -> dict:
    """The features of one flight, by looking at every other one."""
    now = flight.scheduled - 2 * HOUR
    ended_before = [other for other in flights if other.number == flight.number and other.left and other.ended <= now]
    last = max(ended_before, key=lambda other: other.day)
    built_in, seats = planes.get(last.plane, (None, None))
    near = flights[bisect_left(days, flight.day - 32 * DAY) : bisect_left(days, flight.day + 3 * DAY)]
    groups = neighbours(flight, near, last.plane)
    here, of_carrier = groups["origin"][0], groups["carrier"][0]
    timetable = [other.timetable for other in here if other.timetable]
    features = {
        "origin_traffic": sum(abs(moment - flight.scheduled) <= 30 * MINUTE for moment in timetable),
        "origin_overdue": overdue(here, now),
        "carrier_overdue": overdue([other for other in here if other.number[0] == flight.number[0]], now),
        "number_delay_last": last.delay,
        "plane_age": None if built_in is None else flight.day.year - built_in,
        "plane_seats": seats,
        **departure_features("origin", here, now, 1),
        **departure_features("origin", here, now, 3),
        **departure_features("carrier", of_carrier, now, 3),
    }
    for name, (members, spans) in groups.items():
        known = [other for other in members if other.ended <= now]
        for hours in spans:
            features |= outcome_features(name, known, now, hours)
    return features


def sample(flights: duckdb.DuckDBPyConnection) -> list[str]:
    """A dozen of any flights, and two each of those that are easy to get wrong."""
    kinds = (
        "TRUE",
        "is_cancelled",
        "is_diverted",
        "scheduled_utc <> timetable_utc",
        "hour(flight.scheduled_at) < 2",
        "flight.dest = 'HNL'",
        "flight_date = '2017-03-12'",
        "flight_date = '2017-01-08' AND flight.origin = 'PDX'",
    )
    chosen = []
    for kind in kinds:
        rows = flights.execute(f"""
            SELECT flight_id FROM flight JOIN flight_features USING (flight_id)
            WHERE {kind} ORDER BY md5(flight_id) LIMIT {12 if kind == "TRUE" else 2}
        """)
        chosen += [row[0] for row in rows.fetchall()]
    return chosen


@pytest.fixture(scope="module")
def published():
    """The published files as they are, without any SQL of the project."""
    with duckdb.connect() as connection:
        for name in ("flights", "airports", "weather", "planes"):
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{DATA / name}.parquet')")
        yield connection


@pytest.fixture(scope="module")
def recorded(published):
    return recorded_flights(published)


def test_moments_and_outcomes_are_what_python_works_out(flights, recorded):
    rows = flights.execute("""
        SELECT flight_id, scheduled_utc, timetable_utc, departed_utc, outcome_utc, is_late FROM flight
    """).fetchall()
    found = {row[0]: row[1:] for row in rows}
    expected = {one.key: (one.scheduled, one.timetable, one.left, one.ended, one.is_late) for one in recorded}
    differing = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
    assert differing == {"2016-11-05 AS 127 SEA FAI"}, "landed in the hour in which the clock was put back"


def test_features_are_what_python_works_out(flights, recorded, published):
    by_key = {one.key: one for one in recorded}
    days = [one.day for one in recorded]
    planes = {plane: facts for plane, *facts in published.execute("SELECT tailnum, year, seats FROM planes").fetchall()}
    for key in sample(flights):
        expected = worked_out(by_key[key], recorded, days, planes)
        cursor = flights.execute("FROM flight_features WHERE flight_id = ?", [key])
        found = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
        common = expected.keys() & found.keys()
        assert len(common) == 31
        assert {name: found[name] for name in common} == {name: expected[name] for name in common}, key


def test_weather_is_of_the_last_hour_that_is_over(flights, published):
    for key in sample(flights):
        predicted, origin, *found = flights.execute(
            """
            SELECT predicted_utc, flight.origin, visibility, wind_speed
            FROM flight JOIN flight_features USING (flight_id) WHERE flight_id = ?
            """,
            [key],
        ).fetchone()
        hour = predicted - HOUR
        row = published.execute(
            "SELECT visib, wind_speed FROM weather WHERE (origin, year, month, day, hour) = (?, ?, ?, ?, ?)",
            [origin, hour.year, hour.month, hour.day, hour.hour],
        ).fetchone()
        assert tuple(found) == (row or (None, None)), key
