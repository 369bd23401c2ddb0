"""The server that the tests start: there, or a message that says what to do; never a skipped test."""

import os
import subprocess

import postgres
import psycopg
import pytest


def test_a_machine_without_postgresql_fails_and_names_the_remedy(monkeypatch):
    monkeypatch.delenv("SQLML_TEST_POSTGRES", raising=False)
    monkeypatch.setattr(postgres, "_has_plpython", lambda programs: False)
    with pytest.raises(postgres.PostgresMissing, match=r"no PostgreSQL 15 or newer .* Run .ci/postgres .* SQLML_TEST_"):
        postgres.newest_programs()


def test_a_server_that_is_named_is_used_and_left_alone(monkeypatch, postgres_server):
    monkeypatch.setenv("SQLML_TEST_POSTGRES", postgres_server.url)
    with postgres.running_server() as named:
        assert named.url == postgres_server.url
    with postgres_server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    monkeypatch.setenv("SQLML_TEST_POSTGRES", postgres_server.url_of("nowhere"))
    with pytest.raises(postgres.PostgresMissing, match="nowhere"), postgres.running_server():
        pass


def test_databases_are_new_and_gone_afterwards(postgres_server):
    with postgres_server.database() as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t (a integer)")
        connection.commit()
        with postgres_server.database() as other, psycopg.connect(other) as second:
            assert second.execute("SELECT to_regclass('t')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


@pytest.mark.parametrize("extra", [[], ["plpgsql_check"]])
def test_nothing_is_installed_where_all_is_there(postgres_server, extra):
    script = os.path.join(os.path.dirname(__file__), "..", "..", ".ci", "postgres")
    done = subprocess.run([script, *extra], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
