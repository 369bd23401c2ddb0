"""A trained model, ready to be scored and monitored."""

import pytest
from buyer_model import TRAIN, put, visits


@pytest.fixture
def buyer(con):
    """A connection on which model buyer was trained on 4,000 visits."""
    put(con, "visit", visits(4_000, seed=1))
    con.execute(TRAIN)
    return con
