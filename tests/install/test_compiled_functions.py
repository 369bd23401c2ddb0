"""Functions of compiled models in PostgreSQL: what was edited or dropped is found, and made again from what is kept."""

import psycopg
import pytest

from sqlml.engine.postgres.client import opened
from sqlml.install import install, verify

DATA = "SELECT sum(sqlml.predict(address, v)), min(sqlml.predict_buyer(v)) FROM visit AS v, (VALUES {}) AS a(address)"
ASK = DATA.format("('buyer'), ('buyer@1'), ('buyer@2')")


@pytest.fixture
def engine(trained):
    with opened(trained) as engine:
        yield engine


@pytest.fixture
def admin(trained):
    with psycopg.connect(trained, autocommit=True) as connection:
        yield connection


def routines(engine):
    return engine.rows("SELECT routine, file, file_hash, catalog_hash FROM sqlml.routine ORDER BY 1")


def rights(engine):
    return {name: entry.rights for name, entry in engine.catalog().items()}


def test_they_are_found_and_made_again_whatever_version_is_live(engine, admin):
    before = (engine.rows(ASK), routines(engine), rights(engine))
    admin.execute("""
        CREATE OR REPLACE FUNCTION sqlml."buyer@2_predict"(features anyelement) RETURNS double precision
        LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN 0.5; END';
        DROP FUNCTION sqlml."buyer@1_raw"(anyelement);
        CREATE VIEW seen AS SELECT sqlml.predict_buyer(v) FROM visit AS v;
        ALTER FUNCTION sqlml.predict_buyer(anyelement) VOLATILE;
        DROP FUNCTION sqlml.predict_label_buyer(anyelement);
        CREATE FUNCTION sqlml.predict_label_buyer(row_of anyelement) RETURNS integer
        LANGUAGE sql AS 'SELECT 1';
        ALTER FUNCTION sqlml."buyer@2_core" OWNER TO postgres;
    """)
    assert [(each.routine, each.state, each.explanation.rpartition("; ")[2]) for each in verify(engine)] == [
        ('sqlml."buyer@1_raw"(anyelement)', "missing", "run sqlml install"),
        (next(name for name, *_ in before[1] if "buyer@2_core" in name), "edited", "run sqlml install"),
        ('sqlml."buyer@2_predict"(anyelement)', "edited", "run sqlml install"),
        ("sqlml.predict_buyer(anyelement)", "edited", "run sqlml install"),
        ("sqlml.predict_label_buyer(anyelement)", "edited", "run sqlml install"),
    ]
    assert {"compiled:buyer@1", "compiled:buyer@2"} < set(install(engine, repair=True))
    assert verify(engine) == []
    assert (engine.rows(ASK), routines(engine), rights(engine)) == before
    assert install(engine, repair=True) == []


def test_what_is_not_kept_as_it_was_cannot_be_made_again(engine, admin):
    admin.execute("""
        UPDATE sqlml.compiled SET sql = replace(sql, 'STABLE', 'VOLATILE') WHERE version = 2;
        DROP FUNCTION sqlml."buyer@2_predict"(anyelement);
    """)
    for _ in range(2):
        (found,) = verify(engine)
        assert found.state == "missing"
        assert "what sqlml.compiled keeps of it was changed, too, so restore the database" in found.explanation
        assert install(engine, repair=True) == []


def test_what_is_deployed_while_it_is_verified_is_no_difference(engine, admin, monkeypatch):
    read, deployed = engine.catalog, []

    def catalog(names=None):
        found = read(names)
        if not deployed:
            deployed.append(admin.execute("CALL sqlml.deploy('buyer', 2)").fetchall())
        return found

    monkeypatch.setattr(engine, "catalog", catalog)
    assert verify(engine) == []
    assert deployed


def test_what_is_forgotten_while_it_is_verified_is_told_as_it_is_then(engine, admin, monkeypatch):
    admin.execute("ALTER FUNCTION sqlml.live_at VOLATILE")
    read, gone = engine.rows, []

    def rows(sql, parameters=None):
        if parameters and str(parameters.get("routine")).startswith("sqlml.live_at("):
            gone.append(admin.execute("DELETE FROM sqlml.routine WHERE routine = %(routine)s", parameters))
        return read(sql, parameters)

    monkeypatch.setattr(engine, "rows", rows)
    states = {(each.routine.partition("(")[0], each.state) for each in verify(engine)}
    assert states == {("sqlml.live_at", "missing"), ("sqlml.live_at", "extra")}
    assert gone
