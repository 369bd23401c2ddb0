"""From nothing to ``predict()``: what docs/postgres.md says of your own server runs as it stands there."""

import os
import subprocess
import sysconfig
from pathlib import Path

import psycopg
import pytest
from postgres import name_of
from test_documents import ROOT, snippets

GUIDE = ROOT / "docs" / "postgres.md"


@pytest.fixture
def ann(postgres_server, postgres):
    """The URL for the role that the guide makes, which is gone afterwards."""
    yield postgres_server.url_of(name_of(postgres), "ann")
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute("DROP OWNED BY ann CASCADE")
        con.execute("DROP ROLE ann")


def test_your_own_server(postgres, ann, tmp_path):
    text = GUIDE.read_text().partition("## Your own server")[2].partition("\n## ")[0]
    part = tmp_path / "part.md"
    part.write_text(text)
    (commands,) = (text for language, text in snippets(part) if language == "console")
    roles, work = (text for language, text in snippets(part) if language == "sql")
    for line in commands.splitlines():
        command = [str(Path(sysconfig.get_path("scripts")) / "sqlml"), *line.split()[1:]]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SQLML_TARGET": postgres})
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    run(postgres, roles)
    rows = run(ann, work)
    assert rows == [("churn", 1, "ann")]


def run(url, text):
    """Run statements one by one; gives the rows of the last."""
    with psycopg.connect(url, autocommit=True) as con:
        for statement in text.split(";\n"):
            if statement.strip():
                result = con.execute(statement.strip().rstrip(";"))
        return result.fetchall() if result.description else []
