"""The promise of the product: scripts of the contract run verbatim in both engines and print the same rows.

``scripts/<name>.sql`` runs statement by statement, on one connection; ``scripts/<name>.out`` is what it prints.
Identifiers of runs and times are written as ``<run_id>`` and ``<time>``, JSON with its keys in order, and what the
database itself says of a relation that it does not understand as ``<words of the database>``. Set SQLML_REGENERATE=1 to
write the files anew by DuckDB, then read the difference.
"""

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlglot
from psycopg.types.json import set_json_loads

import sqlml
from sqlml.engine.postgres.client import opened
from sqlml.install import install

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.sql"))


@pytest.fixture
def duckdb_run(tmp_path):
    with sqlml.connect(tmp_path / "test.duckdb") as con:
        yield con.execute


@pytest.fixture
def postgres_run(postgres):
    with opened(postgres) as engine:
        install(engine)
    with psycopg.connect(postgres, autocommit=True, options="-c search_path=public,sqlml") as con:
        set_json_loads(lambda text: bytes(text).decode(), con)
        yield con.execute


@pytest.fixture(params=["duckdb", "postgres"])
def run(request):
    """Runs a statement, and gives what has ``description`` and ``fetchall()``."""
    return request.getfixturevalue(f"{request.param}_run")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_prints_what_stands_beside_it(script, run, request):
    printed = "".join(printed_by(run, statement) for statement in statements(script.read_text()))
    expected = script.with_suffix(".out")
    if os.environ.get("SQLML_REGENERATE") and "duckdb" in request.node.name:
        expected.write_text(printed)
    assert printed == expected.read_text()


def statements(text):
    """The statements of a script, as they stand in it."""
    parts, start = [], 0
    for token in sqlglot.tokenize(text, dialect="postgres"):
        if token.token_type == sqlglot.TokenType.SEMICOLON:
            parts.append(text[start : token.start].strip())
            start = token.end + 1
    assert not text[start:].strip(), "a script ends with a semicolon"
    return parts


def printed_by(run, statement):
    shown = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
    try:
        with our_errors():
            result = run(statement)
            names = [column[0] for column in result.description or []]
            rows = [" | ".join(as_text(value) for value in row) for row in result.fetchall()] if reads(shown) else []
    except sqlml.SqlmlError as error:
        return f"{shown};\n!! {masked(str(error))}\n\n"
    return (
        f"{shown};\n" + (f"{' | '.join(names)}\n" if reads(shown) else "") + "".join(f"{row}\n" for row in rows) + "\n"
    )


@contextmanager
def our_errors():
    """What PostgreSQL raises with a SQLSTATE of ours, as the error that DuckDB's connection raises."""
    try:
        yield
    except psycopg.Error as error:
        known = sqlml.errors.ERRORS.get(error.sqlstate)
        if known is None:
            raise
        raise known(error.diag.message_primary) from error


def reads(statement):
    return statement.strip().split()[0].upper() in {"SELECT", "CALL", "FROM", "WITH", "TABLE", "VALUES"}


def as_text(value):
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.dumps(json.loads(value), sort_keys=True, ensure_ascii=False)
    return "NULL" if value is None else masked(str(value))


def masked(text):
    text = re.sub(r"\b[0-9a-f]{32}\b", "<run_id>", text)
    text = re.sub(r"(ML003 relation => '(?:[^']|'(?!:))*': ).*", r"\1<words of the database>", text, flags=re.DOTALL)
    return re.sub(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\b", "<time>", text)
