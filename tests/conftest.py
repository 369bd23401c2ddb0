"""What all tests share: a database of each engine, empty and real."""

from pathlib import Path

import pytest
from postgres import PostgresMissing, running_server
from routines import watch

import sqlml


def pytest_addoption(parser):
    parser.addoption("--routines", metavar="FOLDER", help="leave in a folder which routines the tests call")


def pytest_configure(config):
    folder = config.getoption("routines")
    if folder:
        config.pluginmanager.register(watch.Watch(Path(folder).absolute()), watch.NAME)


@pytest.fixture(scope="session", autouse=True)
def _one_user(tmp_path_factory):
    """Caches and histories of the tests stay out of the home folder of whoever runs them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    yield
    patch.undo()


@pytest.fixture
def con(tmp_path):
    """A connection to a new DuckDB file."""
    with sqlml.connect(tmp_path / "test.duckdb") as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres_server(request):
    """A PostgreSQL server with plpython3u; see :class:`postgres.PostgresServer`."""
    watching = request.config.pluginmanager.get_plugin(watch.NAME)
    try:
        with watching.server() if watching else running_server() as server:
            yield server
    except PostgresMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def postgres(postgres_server):
    """The URL of a new, empty PostgreSQL database, for a superuser."""
    with postgres_server.database() as url:
        yield url
