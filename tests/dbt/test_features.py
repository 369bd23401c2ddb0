"""Feature views, and the join that gives each row what was known at its moment and nothing later."""

import random
from datetime import datetime, timedelta

import pytest
from dbt_job import Job

START = datetime(2024, 1, 1)

READING = """
{{ config(
  materialized='feature_view', entity=['zone', 'sensor'], event_time='measured_at', known_at='known_at',
  feature_version=var('feature_version', 1)
) }}
SELECT * FROM main.raw_reading
"""

WEATHER = """
{{ config(materialized='feature_view', entity='zone', event_time='day', ttl='2 days') }}
SELECT zone, CAST(measured_at AS DATE) AS day, sum(value) AS total FROM main.raw_reading GROUP BY 1, 2
"""

ASKED = """
{{ config(materialized='table') }}
{{ sqlml.features_at('SELECT * FROM main.question', [
  ref('reading'),
  {'view': ref('reading'), 'columns': ['value'], 'prefix': 'fresh_', 'ttl': '90 minutes'},
  {'view': ref('reading'), 'columns': ['value'], 'prefix': 'other_',
   'entity': {'zone': 'other_zone', 'sensor': 'other_sensor'}},
  ref('weather'),
], at='asked_at') }}
"""

# Pairs that are equal when their parts are put together, with and without a separator.
ENTITIES = [("a", "bc"), ("ab", "c"), ("a|b", "c"), ("a", "b|c"), ("", "abc"), ("1", "23"), ("12", "3")]


def minutes(count):
    return START + timedelta(minutes=count)


def readings(seed, count=900):
    """Readings with ties of event_time, gaps, corrections, and some that are known hours after they happened."""
    rng = random.Random(seed)
    rows = {}
    for _ in range(count):
        zone, sensor = rng.choice(ENTITIES[:-1])  # nothing is ever known of the last
        measured = rng.choice([rng.randrange(0, 3000), 60 * rng.randrange(0, 50)])
        known = measured + rng.choice([0, 0, 0, 1, 60, 600, -30])
        value = None if rng.random() < 0.1 else round(rng.uniform(0, 9), 3)
        rows[zone, sensor, measured, known] = value
    return [(zone, sensor, minutes(m), minutes(k), value) for (zone, sensor, m, k), value in rows.items()]


def questions(seed, count=400):
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        zone, sensor = rng.choice([*ENTITIES, (None, "c")])
        other = rng.choice(ENTITIES)
        moment = rng.choice(
            [rng.randrange(-60, 3600), 60 * rng.randrange(0, 55), None] if number % 9 == 0 else [60 * (number % 50)]
        )
        rows.append((number, zone, sensor, *other, None if moment is None else minutes(moment)))
    return rows + rows[:20]  # a row may be asked twice


def known_then(rows, entity, moment, ttl=None):
    """By brute force: of what had happened and was known, the newest; of equally new ones, the last to be known."""
    if moment is None:
        return None
    found = [
        (measured, known, value)
        for zone, sensor, measured, known, value in rows
        if (zone, sensor) == entity and measured <= moment and known <= moment
    ]
    newest = max(found, key=lambda row: row[:2], default=None)
    return None if newest is None or (ttl and newest[0] < moment - ttl) else newest[2]


def day_total(rows, zone, moment):
    """The last day that has begun and is not more than two days back, as it stands in the view."""
    if moment is None or zone is None:
        return None
    days = {row[2].date() for row in rows if row[0] == zone}
    begun = [day for day in days if datetime.combine(day, datetime.min.time()) <= moment]
    if not begun or datetime.combine(max(begun), datetime.min.time()) < moment - timedelta(days=2):
        return None
    values = [row[4] for row in rows if row[0] == zone and row[2].date() == max(begun) and row[4] is not None]
    return round(sum(values), 6) if values else None


def filled(job, rows, asked):
    job.sql(
        "CREATE OR REPLACE TABLE raw_reading (zone VARCHAR, sensor VARCHAR, measured_at TIMESTAMP, "
        "known_at TIMESTAMP, value DOUBLE)"
    )
    job.sql(
        "CREATE OR REPLACE TABLE question (number INTEGER, zone VARCHAR, sensor VARCHAR, other_zone VARCHAR, "
        "other_sensor VARCHAR, asked_at TIMESTAMP)"
    )
    job.insert("raw_reading", rows)
    job.insert("question", asked)


def answers(job):
    assert (run := job.dbt("run")).success, run.text
    return job.sql(
        "SELECT number, zone, sensor, other_zone, other_sensor, asked_at, value, fresh_value, "
        "other_value, round(total, 6) FROM asked ORDER BY ALL"
    )


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    job = Job(tmp_path_factory.mktemp("station"), "station")
    for name, text in {"reading": READING, "weather": WEATHER, "asked": ASKED}.items():
        job.model(name, text)
    assert job.dbt("deps").success
    filled(job, readings(1), questions(1))
    assert job.dbt("run").success
    return job


def ordered(rows):
    return sorted(rows, key=lambda row: [(value is None, str(type(value)), value) for value in row])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_join_gives_what_brute_force_gives(station, seed):
    rows, asked = readings(seed), questions(seed)
    filled(station, rows, asked)
    expected = [
        (
            *question,
            known_then(rows, question[1:3], question[5]),
            known_then(rows, question[1:3], question[5], timedelta(minutes=90)),
            known_then(rows, question[3:5], question[5]),
            day_total(rows, question[1], question[5]),
        )
        for question in asked
    ]
    found = answers(station)
    assert ordered(found) == ordered(expected)
    assert {row[6] is None for row in found} == {True, False}


@pytest.mark.parametrize(("seed", "now"), [(7, 1500), (8, 120), (9, 2880)])
def test_what_is_not_yet_known_changes_nothing(station, seed, now):
    rows = readings(seed)
    asked = [question for question in questions(seed) if question[5] and question[5] <= minutes(now)]
    filled(station, rows, asked)
    before = [row[:9] for row in answers(station)]
    assert any(row[6] is not None for row in before)
    rng = random.Random(seed)
    changed = {}
    for zone, sensor, measured, known, value in rows:
        if known <= minutes(now) and measured <= minutes(now):
            changed[zone, sensor, measured, known] = value
        elif rng.random() < 0.6:  # the others go, or are worth something else, or happened before
            known = max(known, minutes(now + 1))
            changed[zone, sensor, min(measured, minutes(rng.randrange(now))), known] = 1e6
    for zone, sensor in ENTITIES:  # news of everyone, of all that has happened, a minute later
        for moment in range(0, now, 60):
            changed[zone, sensor, minutes(moment), minutes(now + 1)] = 1e9
    filled(station, [(*key, value) for key, value in changed.items()], asked)
    assert [row[:9] for row in answers(station)] == before


def test_keys_that_are_equal_as_text_are_told_apart(station):
    facts = "(1, '23', 'one'), (12, '3', 'twelve'), (1, '2|3', 'bar'), (-1, '23', 'minus')"
    known = "{{ config(materialized='feature_view', entity=['number', 'letter'], event_time='at') }} "
    known += f"SELECT *, TIMESTAMP '2024-01-01' AS at FROM (VALUES {facts}) AS t(number, letter, word)"
    asked = "(1, '23'), (12, '3'), (123, ''), (1, ' 23')"
    spine = f"SELECT *, TIMESTAMP '2024-01-02' AS now FROM (VALUES {asked}) AS t(a, letter)"
    joined = (
        "{{ config(materialized='table') }} {{ sqlml.features_at(\"" + spine + '", '
        "[{'view': ref('word_of'), 'entity': {'number': 'a'}}], at='now') }}"
    )
    with station.added(word_of=known, joined=joined):
        assert (run := station.dbt("run", "-s", "word_of", "joined")).success, run.text
    assert station.sql("SELECT a, letter, word FROM joined ORDER BY ALL") == [
        (1, " 23", None),
        (1, "23", "one"),
        (12, "3", "twelve"),
        (123, "", None),
    ]


def test_a_version_is_a_table_and_the_name_leads_to_it(station):
    filled(station, readings(1), questions(1))
    assert station.dbt("run", "-s", "reading").success
    station.sql("INSERT INTO raw_reading VALUES ('a', 'bc', '2030-01-01', '2030-01-01', 1)")
    assert station.dbt("run", "-s", "reading", "--vars", "{feature_version: 2}").success
    ((one, two, named),) = station.sql(
        "SELECT (SELECT count(*) FROM reading__v1), (SELECT count(*) FROM reading__v2), (SELECT count(*) FROM reading)"
    )
    assert two == named == one + 1
    assert station.sql(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_name LIKE 'reading%' ORDER BY 1"
    ) == [("reading", "VIEW"), ("reading__v1", "BASE TABLE"), ("reading__v2", "BASE TABLE")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("('a', 'bc', NULL, '2024-01-01', 1)", "1 row has no 'measured_at'"),
        ("('a', 'bc', '2024-01-01', NULL, 1)", "leave them out with WHERE known_at IS NOT NULL"),
        ("(NULL, 'bc', '2024-01-01', '2024-01-01', 1)", "1 row has no 'zone'"),
        (
            "('a', 'bc', '2030-01-01', '2030-01-01', 1), ('a', 'bc', '2030-01-01', '2030-01-01', 2)",
            "1 combination of zone, sensor, measured_at, known_at stands more than once",
        ),
    ],
)
def test_rows_that_cannot_be_placed_are_refused_and_the_table_stays(station, row, said):
    filled(station, readings(1), questions(1))
    assert station.dbt("run", "-s", "reading").success
    before = station.sql("SELECT count(*) FROM reading")
    station.sql(f"INSERT INTO raw_reading VALUES {row}")
    run = station.dbt("run", "-s", "reading+")
    assert said in run.message("reading")
    assert run.status("asked") == "skipped"
    assert station.sql("SELECT count(*) FROM reading") == before
    assert station.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%\\_\\_dbt\\_%' ESCAPE '\\'") == [
        (0,)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            ASKED.replace("'prefix': 'fresh_', ", ""),
            '\'value\' of "station"."main"."reading" is the name of another column',
        ),
        (
            ASKED.replace("ref('weather')", "ref('plain')"),
            "does not come from a node that is materialized as feature_view",
        ),
        (
            ASKED.replace("SELECT * FROM main.question", "SELECT * REPLACE (1 AS sensor) FROM main.question"),
            'of the spine is a number and \'sensor\' of "station"."main"."reading" is text; give both one type',
        ),
        (
            ASKED.replace("SELECT *", "SELECT * REPLACE (asked_at::TIMESTAMPTZ AS asked_at)"),
            "'asked_at' of the spine is a time with a zone and 'measured_at' of",
        ),
        (ASKED.replace("at='asked_at'", "at='asked'"), "the spine has no column 'asked'; name the one that stands for"),
        (ASKED.replace("'zone': 'other_zone'", "'zone': 'z'"), "with 'entity': {'zone': ...}"),
    ],
)
def test_what_features_at_refuses(station, text, said):
    with station.added(plain="SELECT 1 AS zone", asked_wrong=text):
        run = station.dbt("run", "-s", "plain", "asked_wrong")
    assert said in run.message("asked_wrong")


def test_a_feature_view_names_its_keys(station):
    with station.added(keyless="{{ config(materialized='feature_view', entity='zone') }} SELECT 'a' AS zone"):
        run = station.dbt("run", "-s", "keyless")
    assert "feature_view 'keyless' needs entity (the columns of its key) and event_time" in run.message("keyless")
