"""A large prediction table in PostgreSQL gets indexes by which a day of it is scored and monitored."""

import psycopg
import pytest
from postgres import name_of

SCORE = "CALL sqlml.score('buyer', '{}', 'p', key_column => 'visit_id')"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = 'p' ORDER BY 1"
FILL = """
INSERT INTO p (visit_id, predicted_at, model, version, alias, role, run_id, prediction, label, features)
SELECT {key}, timestamp '2024-01-01' + i * interval '10 s', 'buyer', 1, 'champion', 'champion', 'r', 0.5, 'true',
       json_build_object('age', i % 97, 'income', i / 7.0::float8, 'filling', repeat('x', 200))
FROM generate_series(1001, 60000) AS g(i)
"""


@pytest.fixture
def con(url):
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def filled(con, key="i", type="integer"):
    con.execute(
        f"CREATE VIEW keyed AS SELECT {key.replace('i', 'visit_id')}::{type} AS visit_id, age, income FROM visit"
    )
    con.execute(SCORE.format("SELECT * FROM keyed WHERE age < 50"))
    assert con.execute(INDEXES).fetchall() == []
    con.execute(FILL.format(key=key))
    con.execute("ANALYZE p")


@pytest.mark.parametrize(
    ("key", "type", "index"),
    [
        ("i", "integer", "USING btree (visit_id, event_time)"),
        ("i", "numeric(12,0)", "USING btree (visit_id, event_time)"),
        ("'k' || i", "varchar", "USING hash (visit_id)"),
    ],
)
def test_it_is_indexed_when_rows_are_added_to_many(con, key, type, index):
    filled(con, key, type)
    asked, scored = (con.execute(SCORE.format("SELECT * FROM keyed")).fetchone()[1] for _ in range(2))
    assert (asked + con.execute("SELECT count(*) FROM keyed WHERE age < 50").fetchone()[0], scored) == (100, 0)
    found = [row[0].partition(" ON public.p ")[2] for row in con.execute(INDEXES).fetchall()]
    assert sorted(found) == sorted([index, "USING btree (COALESCE(event_time, predicted_at))"])


def test_one_day_is_scored_and_monitored_by_them(con):
    filled(con)
    con.execute(SCORE.format("SELECT * FROM keyed"))
    con.execute("ANALYZE p")
    con.execute("SELECT pg_stat_force_next_flush()")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'p'"
    con.execute(SCORE.format("SELECT * FROM keyed WHERE visit_id < 5"))
    con.execute("CALL sqlml.monitor('buyer', '2024-01-02', '2024-01-02 01:00')")
    before = con.execute(scans).fetchone()
    con.execute("CALL sqlml.monitor('buyer', '2024-01-02', '2024-01-02 02:00')")
    con.execute(SCORE.format("SELECT * FROM keyed WHERE visit_id < 6"))
    con.execute("SELECT pg_stat_force_next_flush()")
    con.execute("SELECT pg_stat_clear_snapshot()")
    assert con.execute(scans).fetchone() == before


def test_a_small_one_needs_none(con):
    for _ in range(2):
        con.execute("CALL sqlml.score('buyer', 'visit', 'p', key_column => 'visit_id')")
    assert con.execute(INDEXES).fetchall() == []


def test_who_may_make_none_scores_without(postgres_server, url, con):
    filled(con)
    role = f"r_{name_of(url)[-12:]}"
    con.execute(f"CREATE ROLE {role} LOGIN; GRANT sqlml_scorer TO {role}; GRANT SELECT ON keyed TO {role}")
    con.execute(f"GRANT SELECT, INSERT ON p TO {role}")
    try:
        with psycopg.connect(postgres_server.url_of(name_of(url), role), autocommit=True) as own:
            assert own.execute(SCORE.format("SELECT * FROM keyed WHERE age >= 50")).fetchone()[1] > 0
    finally:
        con.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert con.execute(INDEXES).fetchall() == []
