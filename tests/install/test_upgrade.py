"""A database that an older release made is brought to what a new one is.

The older release is made from today's files: it lacks some migrations, and its routines had other arguments, other
columns, other grants, or have been given up since.
"""

import shutil
from contextlib import contextmanager

import duckdb
import pytest

import sqlml
import sqlml.install.files
from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.install import install, shipped_folder, verify

OF_LATER_MIGRATIONS = ("0002_monitoring", "0005_alert", "0006_rights")
OF_LATER_TABLES = ("latest_drift", "latest_performance", "latest_profile")
OLDER = {
    "duckdb": {
        "live_at": "CREATE OR REPLACE MACRO sqlml.live_at(model) AS TABLE SELECT model AS alias;",
        "given_up": "CREATE OR REPLACE MACRO sqlml.given_up(a) AS a + 1;",
        "given_up_rows": "CREATE OR REPLACE MACRO sqlml.given_up_rows(a) AS TABLE SELECT a;",
        "given_up_view": "CREATE OR REPLACE VIEW sqlml.given_up_view AS SELECT 1 AS a;",
    },
    "postgres": {
        "live_at": "CREATE FUNCTION sqlml.live_at(model text) RETURNS text LANGUAGE sql RETURN model;",
        "deploy": "CREATE PROCEDURE sqlml.deploy(model text, version integer) LANGUAGE sql AS 'SELECT 1';"
        "GRANT EXECUTE ON PROCEDURE sqlml.deploy TO sqlml_reader;",
        "given_up": "CREATE FUNCTION sqlml.given_up(a integer) RETURNS integer LANGUAGE sql RETURN a + 1;",
        "given_up_view": "CREATE VIEW sqlml.given_up_view AS SELECT 1 AS a;",
        "granted_model": "CREATE VIEW sqlml.granted_model AS SELECT granted.model, known.rolname::text AS role "
        "FROM sqlml.model_grant AS granted JOIN pg_catalog.pg_roles AS known ON known.oid = granted.grantee;",
    },
}


@pytest.fixture
def older_release(tmp_path, monkeypatch):
    """A context in which the package is an older release."""
    folder = tmp_path / "older"
    shutil.copytree(shipped_folder("udfs"), folder / "udfs")
    for name, texts in OLDER.items():
        routines = folder / "udfs" / name / "routines"
        for migration in OF_LATER_MIGRATIONS:
            (folder / "udfs" / name / "migrations" / f"{migration}.sql").unlink(missing_ok=True)
        for routine in OF_LATER_TABLES:
            (routines / f"{routine}.sql").unlink()
        for routine, text in texts.items():
            owned = f"SET ROLE sqlml_owner; {text} RESET ROLE;" if name == "postgres" else text
            (routines / f"{routine}.sql").write_text(owned)

    @contextmanager
    def installed_package():
        with monkeypatch.context() as patch:
            patch.setattr(sqlml.install.files, "shipped_folder", lambda name: folder / name)
            yield

    return installed_package


def test_an_older_server_becomes_what_a_new_one_is(postgres, server, older_release):
    with opened(postgres) as upgraded:
        with older_release():
            install(upgraded)
            assert verify(upgraded) == []
        assert ("sqlml.given_up(integer)", "extra") in [(found.routine, found.state) for found in verify(upgraded)]
        assert "migrations/0002_monitoring.sql" in install(upgraded)
        assert verify(upgraded) == []
        assert catalog_of(upgraded) == catalog_of(server)
        assert records_of(upgraded) == records_of(server)


def test_grants_of_models_get_the_names_of_their_roles(postgres, older_release):
    with opened(postgres) as upgraded:
        with older_release():
            install(upgraded)
        upgraded.script("""
            INSERT INTO sqlml.model VALUES ('m', 'binary', 'y', NULL, 'ann', now());
            INSERT INTO sqlml.model_grant (model, grantee, granted_at, granted_by)
            SELECT 'm', grantee, now(), 'ann' FROM (VALUES ('pg_monitor'::regrole), ('4000000000')) AS g(grantee);
        """)
        install(upgraded)
        assert upgraded.rows("SELECT grantee::text, grantee_name FROM sqlml.model_grant") == [("pg_monitor",) * 2]
        assert verify(upgraded) == []


def test_an_older_file_becomes_what_a_new_one_is(con, older_release, tmp_path):
    path = tmp_path / "older.duckdb"
    with older_release(), sqlml.connect(path) as older:
        assert verify(DuckDBEngine(older)) == []
    with duckdb.connect(str(path), read_only=True) as seen:
        states = {(found.routine, found.state) for found in verify(DuckDBEngine(seen))}
    assert {("sqlml.given_up", "extra"), ("sqlml.given_up_rows", "extra"), ("sqlml.given_up_view", "extra")} <= states
    with sqlml.connect(path) as upgraded, con.cursor() as fresh:
        engines = [DuckDBEngine(each) for each in (upgraded, fresh)]
        assert verify(engines[0]) == []
        assert catalog_of(engines[0]) == catalog_of(engines[1])
        assert records_of(engines[0]) == records_of(engines[1])


def catalog_of(engine):
    return {name: (entry.kind, entry.definition, entry.rights) for name, entry in engine.catalog().items()}


def records_of(engine):
    return sorted(engine.rows("SELECT routine, kind, file, file_hash, definition, catalog_hash FROM sqlml.routine"))
