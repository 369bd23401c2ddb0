"""A database with models of every kind in it, and a login for every role, to be attacked."""

import psycopg
import pytest
from attacked import Attacked, make
from postgres import name_of


@pytest.fixture(scope="session")
def _attacked_once(postgres_server):
    with postgres_server.database() as url:
        make(url)
        yield name_of(url)


@pytest.fixture(scope="module")
def attacked(postgres_server, _attacked_once):
    """A database for the tests of a module; its connections stay open, so that Python is imported once for each."""
    with postgres_server.database(_attacked_once) as url:
        attacked = Attacked(postgres_server, name_of(url))
        yield attacked
        attacked.close()


@pytest.fixture
def fresh(postgres_server, _attacked_once):
    """A database for one test."""
    with postgres_server.database(_attacked_once) as url:
        attacked = Attacked(postgres_server, name_of(url))
        yield attacked
        attacked.close()


@pytest.fixture
def unchanged(attacked):
    """Fails where the test has left anything behind."""
    before = attacked.state()
    yield attacked
    after = attacked.state()
    assert {
        key: (before.get(key), after.get(key))
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    } == {}


def pytest_collection_modifyitems(items):
    """All tests of a file run in one process, which shares its database."""
    for item in items:
        if "tests/security" in str(item.path):
            item.add_marker(pytest.mark.xdist_group(f"security_{item.path.stem}"))


@pytest.fixture
def admin(attacked):
    return attacked.connection(None)


__all__ = ["psycopg"]
