"""Every snippet in README.md and docs/ runs, in order, in one folder, as it stands there."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg
import pytest

import sqlml
from sqlml.engine.postgres.client import opened
from sqlml.install import install
from sqlml.registry.alert import RUNBOOKS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN_ELSEWHERE = {"dbt.md", "postgres.md"}  # tests/dbt/test_guide.py and test_postgres_guide.py run these
DATABASE = "shop.duckdb"
SNIPPET = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CUSTOMERS = """
COPY (
  SELECT i AS customer_id, 18 + (i * 7919) % 60 AS age,
         CASE i % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'pro' END AS plan,
         (i * 31) % 20 AS visits, CASE WHEN i % 9 > 0 THEN ((i * 104729) % 5000) / 100.0 END AS spend,
         (i * 31) % 20 < 6 AND i % 3 <> 2 OR i % 17 = 0 AS churned
  FROM range(800) AS g(i)
) TO 'customers.csv'
"""
CUSTOMER_TABLE = """
CREATE TABLE customer (
  customer_id bigint, age bigint, plan text, visits bigint, spend double precision, churned boolean
)
"""


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.name not in RUN_ELSEWHERE], ids=lambda path: path.name
)
def test_every_snippet_runs(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sqlml.connect() as con:
        con.execute(CUSTOMERS)
    prepared = False
    for language, text in snippets(document):
        if language == "console":
            prepared = run_commands(text) or prepared
        elif language == "sql" and prepared:
            with sqlml.connect(DATABASE) as con:
                con.execute(text)
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, document.name, "exec"), {})
        else:
            assert language in {"sql", "text"}, f"{document.name}: no test runs a snippet of {language}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_first_statements_of_the_readme_run_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = next(text for language, text in snippets(ROOT / "README.md") if language == "sql")
    with sqlml.connect() as con:
        con.execute(CUSTOMERS)
        con.execute("CREATE TABLE customer AS SELECT * FROM 'customers.csv'")
        assert len(con.execute(first).fetchall()) == 10


def test_the_runbook_of_an_alert_is_what_the_docs_say():
    paragraphs = [" ".join(text.split()) for text in (ROOT / "docs" / "monitoring.md").read_text().split("\n\n")]
    said = {text.replace("`", "") for text in paragraphs}
    assert [source for source, runbook in RUNBOOKS.items() if runbook not in said] == []


def test_what_the_readme_says_of_both_databases_runs_in_postgres(postgres, tmp_path):
    with sqlml.connect() as con:
        con.execute(CUSTOMERS.replace("'customers.csv'", f"'{tmp_path}/customers.csv'"))
    with opened(postgres) as engine:
        install(engine)
        engine.execute("CALL sqlml.put_on_search_path()")
    statements = [text for language, text in snippets(ROOT / "README.md") if language == "sql"]
    in_both = [text for text in statements if not text.startswith("-- DuckDB\n")]
    assert len(in_both) == len(statements) - 1
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute(CUSTOMER_TABLE)
        with con.cursor().copy("COPY customer FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write((tmp_path / "customers.csv").read_bytes())
        for statement in "".join(in_both).split(";\n"):
            con.execute(statement)
        (row,) = re.findall(r"^-- PostgreSQL\n(.*?);\n", (ROOT / "README.md").read_text(), re.MULTILINE)
        assert 0 < con.execute(row).fetchone()[0] < 1


def snippets(document):
    return SNIPPET.findall(document.read_text())


def run_commands(text):
    """Run the lines of a console snippet; those of make and pip set up what runs this test."""
    ran = False
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["sqlml"]:
            command = Path(sysconfig.get_path("scripts")) / words[0]
            done = subprocess.run(
                [str(command), *words[1:]], capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "error"}
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            ran = True
        else:
            assert words[:1] in (["make"], ["pip"], [sys.executable]), line
    return ran
