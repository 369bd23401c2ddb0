"""Alerts that an older release has left open show their opening numbers until a run looks at them again."""

import psycopg

from sqlml.engine.postgres.client import opened
from sqlml.install import install, shipped_folder

MIGRATION = "0005_alert.sql"
OPEN = """INSERT INTO sqlml.alert (alert_id, source, severity, state, model, version, column_name, metric, value,
    threshold, message, window_start, window_end, opened_at, dedup_key, runbook, run_id)
    VALUES ('1', 'drift', 'warn', 'open', 'm', 1, 'a', 'psi', 0.1, 0.02, 'said', TIMESTAMP '2024-01-01',
    TIMESTAMP '2024-02-01', TIMESTAMP '2024-02-01', 'drift:m@1:a', 'look', 'run')"""
ADDED = ("opened_value", "updated_at", "updated_run_id")
KEPT = "SELECT value = opened_value, opened_at = updated_at, run_id = updated_run_id FROM sqlml.alert"


def test_the_migration_fills_what_it_adds_in_both_engines(con, postgres):
    with opened(postgres) as engine:
        install(engine)
    with psycopg.connect(postgres, autocommit=True) as server:
        for dialect, database in (("duckdb", con), ("postgres", server)):
            for column in ADDED:
                database.execute(f"ALTER TABLE sqlml.alert DROP COLUMN {column}")
            database.execute(OPEN)
            database.execute((shipped_folder("udfs") / dialect / "migrations" / MIGRATION).read_text())
            assert database.execute(KEPT).fetchall() == [(True, True, True)]
        assert server.execute("SELECT current_user = session_user, current_schema()").fetchall() == [(True, "public")]
