"""A shop without Python in its server: ann owns the payments, ben may not read them, and a worker may work."""

import pytest
from postgres import name_of
from shop import RESET, Shop, made_shop


@pytest.fixture(scope="session")
def _one_shop(postgres_server):
    with made_shop(postgres_server) as shop:
        yield shop


@pytest.fixture
def shop(_one_shop):
    """The shop, as it is before anything was asked of the worker."""
    yield _one_shop
    _one_shop.rows(None, RESET)


@pytest.fixture(scope="module")
def another_shop(postgres_server, _one_shop):
    """A shop of its own for a module, which it may change."""
    with postgres_server.database(_one_shop.database) as url:
        yield Shop(postgres_server, name_of(url))
