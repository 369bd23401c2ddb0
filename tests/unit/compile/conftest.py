"""A plain DuckDB connection, as any client has it: no functions of ours, only the table of compiled trees."""

import duckdb
import pytest
from compile_oracle import create_table


@pytest.fixture
def plain():
    with duckdb.connect() as connection:
        create_table(connection)
        yield connection
