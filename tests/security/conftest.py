"""A database with models of every kind in it, and a login for every role, to be attacked."""

from pathlib import Path

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
    """The same, and fails where the test has left anything behind in it."""
    before = attacked.state()
    yield attacked
    after = attacked.state()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()


def pytest_collection_modifyitems(items):
    """The tests of a module share its database, and so run in one process."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
