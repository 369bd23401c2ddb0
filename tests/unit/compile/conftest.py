"""Plain clients of both engines: nothing of ours is in them but what compiled models need."""

import duckdb
import psycopg
import pytest
from compile_oracle import create_table
from postgres import name_of
from postgres_oracle import create_schema


@pytest.fixture
def plain():
    """A DuckDB connection, as any client has it: no functions of ours, only the table of compiled trees."""
    with duckdb.connect() as connection:
        create_table(connection)
        yield connection


@pytest.fixture(scope="session")
def bare_database(postgres_server):
    """The name of a PostgreSQL database with the metadata tables and what models call, and without plpython3u."""
    with postgres_server.database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            create_schema(connection)
            assert connection.execute("SELECT count(*) FROM pg_language WHERE lanname = 'plpython3u'").fetchone() == (
                0,
            )
        yield name_of(url)


@pytest.fixture
def pg(postgres_server, bare_database):
    """A superuser's connection to a new copy of that database."""
    with (
        postgres_server.database(template=bare_database) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield connection
