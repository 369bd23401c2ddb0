"""The three engines for the checks of this folder: DuckDB, PostgreSQL from outside, and PostgreSQL from inside."""

from pathlib import Path

import duckdb
import psycopg
import pytest
from engine_database import CREATE_DATABASE, CREATE_RUN_CHECK
from postgres import name_of

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened


@pytest.fixture(scope="session")
def engine_template(postgres_server):
    """The name of a database with schema ``sqlml``, its owner, and a caller who may do little; to be copied."""
    with postgres_server.database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(CREATE_DATABASE)
            connection.execute(CREATE_RUN_CHECK)
        yield name_of(url)


@pytest.fixture
def engine_database(postgres_server, engine_template):
    """The URL of such a database, for a superuser; ``user_url`` gives it for others."""
    with postgres_server.database(engine_template) as url:
        yield url


@pytest.fixture
def user_url(postgres_server, engine_database):
    """The URL of the database by the name of a user."""
    return lambda user: postgres_server.url_of(name_of(engine_database), user)


@pytest.fixture(scope="session")
def _inside(postgres_server, engine_template):
    """One connection for all checks in the server: a new one would import everything anew."""
    with (
        postgres_server.database(engine_template) as url,
        psycopg.connect(postgres_server.url_of(name_of(url), "sqlml_test_caller")) as connection,
    ):
        yield connection


def _run_inside(connection):
    def run(check):
        source = Path(check.__code__.co_filename).read_text()
        try:
            failed = connection.execute("SELECT run_check(%s, %s)", (check.__name__, source)).fetchone()[0]
        finally:
            connection.rollback()
        assert failed is None, failed

    return run


def _run_outside(user_url):
    def run(check):
        with opened(user_url("sqlml_test_login"), caller="sqlml_test_caller") as engine:
            check(engine)

    return run


def _run_in_duckdb(folder):
    def run(check):
        with duckdb.connect(str(folder / "check.duckdb")) as connection:
            connection.execute("CREATE SCHEMA sqlml")
            check(DuckDBEngine(connection))

    return run


@pytest.fixture(params=["psycopg", "plpython"])
def run_on_postgres(request):
    """Runs a check with the engine of a caller who may do little."""
    if request.param == "plpython":
        return _run_inside(request.getfixturevalue("_inside"))
    return _run_outside(request.getfixturevalue("user_url"))


@pytest.fixture(params=["duckdb", "psycopg", "plpython"])
def run(request):
    """Runs a check with an engine."""
    if request.param == "duckdb":
        return _run_in_duckdb(request.getfixturevalue("tmp_path"))
    if request.param == "plpython":
        return _run_inside(request.getfixturevalue("_inside"))
    return _run_outside(request.getfixturevalue("user_url"))
