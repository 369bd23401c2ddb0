"""The promise of the product: scripts of the contract run verbatim and print the rows that stand beside them.

``scripts/<name>.sql`` runs statement by statement, on one connection; ``scripts/<name>.out`` is what it prints.
Identifiers of runs and times are written as ``<run_id>`` and ``<time>``. Set SQLML_REGENERATE=1 to write the
files anew, then read the difference.
"""

import os
import re
from pathlib import Path

import pytest
import sqlglot

import sqlml

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.sql"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_prints_what_stands_beside_it(script, tmp_path):
    with sqlml.connect(tmp_path / "test.duckdb") as con:
        printed = "".join(printed_by(con, statement) for statement in statements(script.read_text()))
    expected = script.with_suffix(".out")
    if os.environ.get("SQLML_REGENERATE"):
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


def printed_by(con, statement):
    shown = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
    try:
        result = con.execute(statement)
        names = [column[0] for column in result.description or []]
        rows = [" | ".join(as_text(value) for value in row) for row in result.fetchall()] if reads(shown) else []
    except Exception as error:
        return f"{shown};\n!! {masked(str(error))}\n\n"
    return (
        f"{shown};\n" + (f"{' | '.join(names)}\n" if reads(shown) else "") + "".join(f"{row}\n" for row in rows) + "\n"
    )


def reads(statement):
    return statement.strip().split()[0].upper() in {"SELECT", "CALL", "FROM", "WITH", "TABLE", "VALUES"}


def as_text(value):
    return "NULL" if value is None else masked(str(value))


def masked(text):
    text = re.sub(r"\b[0-9a-f]{32}\b", "<run_id>", text)
    return re.sub(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\b", "<time>", text)
