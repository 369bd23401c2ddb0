"""What the tests of the measuring queries share: a database, and the golden texts."""

import os
from pathlib import Path

import duckdb
import pytest

GOLDEN = Path(__file__).parents[2] / "fixtures" / "measure"


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        yield connection


@pytest.fixture
def golden():
    """Compare a text with its file; SQLML_REGENERATE=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("SQLML_REGENERATE") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.exists(), f"{path} is missing; run the tests once with SQLML_REGENERATE=1 and read what it writes"
        assert path.read_text(encoding="utf-8") == text + "\n"

    return compare
