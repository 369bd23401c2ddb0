"""Databases of PostgreSQL in which sqlml is installed, and roles that may log in to them."""

import uuid

import psycopg
import pytest
from postgres import name_of

from sqlml.engine.postgres.client import opened
from sqlml.install import install


@pytest.fixture(scope="session")
def installed_once(postgres_server):
    """The name of a database that has sqlml, to make copies of."""
    with postgres_server.database() as url:
        with opened(url) as engine:
            install(engine)
        yield name_of(url)


@pytest.fixture
def installed(postgres_server, installed_once):
    """The URL of a new database that has sqlml, for a superuser."""
    with postgres_server.database(installed_once) as url:
        yield url


@pytest.fixture
def server(installed):
    """A superuser's engine on a new database that has sqlml."""
    with opened(installed) as engine:
        yield engine


@pytest.fixture
def admin(installed):
    """A superuser's connection to the same database, which commits each statement."""
    with psycopg.connect(installed, autocommit=True) as connection:
        yield connection


@pytest.fixture
def new_role(postgres_server):
    """Make a role that may log in and is a member of others.

    It is dropped at the end: ask for the databases in which it has something after this, so that they go first.
    """
    made = []

    def make(*groups, options=""):
        name = f"t_{uuid.uuid4().hex[:12]}"
        with postgres_server.connect() as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN {options}")
            made.append(name)
            for group in groups:
                connection.execute(f"GRANT {group} TO {name}")
        return name

    yield make
    with postgres_server.connect() as connection:
        for name in made:
            connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@pytest.fixture(scope="session")
def trained_once(postgres_server, installed_once):
    """The name of a database with a table ``visit`` and two versions of a model ``buyer`` of it, the first live."""
    with postgres_server.database(installed_once) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("""
                CREATE TABLE visit AS
                SELECT i AS visit_id, (i * 7919) % 97 AS age, (i * 7919) % 97 > 50 AS bought
                FROM generate_series(1, 100) AS g(i)
            """)
            for deploy in ("always", "never"):
                connection.execute(
                    "CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear', "
                    f"deploy => '{deploy}')"
                )
        yield name_of(url)


@pytest.fixture
def trained(postgres_server, trained_once):
    """The URL of a copy of that database, for a superuser."""
    with postgres_server.database(trained_once) as url:
        yield url


@pytest.fixture
def as_role(postgres_server, new_role, trained):
    """Log in to that database as a new member of some roles, who may read ``visit``."""
    opened_connections = []

    def log_in(*groups):
        role = new_role(*groups)
        with psycopg.connect(trained, autocommit=True) as connection:
            connection.execute(f"GRANT SELECT ON visit TO {role}; GRANT CREATE ON SCHEMA public TO {role}")
        connection = psycopg.connect(postgres_server.url_of(name_of(trained), role), autocommit=True)
        opened_connections.append(connection)
        return connection

    yield log_in
    for connection in opened_connections:
        connection.close()
