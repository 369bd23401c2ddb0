"""A PostgreSQL database with a model ``buyer`` of table ``visit``, live, of which each test has a copy."""

import psycopg
import pytest
from postgres import name_of

from sqlml.engine.postgres.client import opened
from sqlml.install import install

VISIT = """CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, i / 7.0::float8 AS income, (i * 7919) % 97 > 50 AS bought
FROM generate_series(1, 100) AS g(i)"""
TRAIN = """CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear',
  deploy => 'always')"""


@pytest.fixture(scope="session")
def _template(postgres_server):
    with postgres_server.database() as url:
        with opened(url) as engine:
            install(engine)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(VISIT)
            connection.execute(TRAIN)
        yield name_of(url)


@pytest.fixture
def url(postgres_server, _template):
    """The URL of a copy, for a superuser."""
    with postgres_server.database(_template) as url:
        yield url
