"""The command line as a user meets it: the installed command, in a process of its own, on real files."""

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

import sqlml
from sqlml.cli.process import exit_code

COMMAND = Path(sysconfig.get_path("scripts")) / "sqlml"
CUSTOMERS = """
CREATE TABLE customers AS
SELECT i AS id, hash(i) % 50 AS age, CASE WHEN i % 3 = 0 THEN 'AT' ELSE 'DE' END AS country,
       (hash(i) % 50 > 25) <> (hash(i, 1) % 10 = 0) AS has_left
FROM range(400) AS rows(i)
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def sqlml_command(tmp_path):
    """Run the installed command in a process; every warning of Python would be seen on its error stream."""

    def run(*arguments, stdin="", **environment):
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=os.environ | environment,
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def sqlml_here(capsys, tmp_path, monkeypatch):
    """Run a command line in this process, which spares the start of another."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = exit_code([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "shop.duckdb"
    with sqlml.connect(path) as con:
        con.execute(CUSTOMERS)
        con.execute(
            "CALL sqlml.train(model => 'churn', relation => 'customers', target => 'has_left', key_column => 'id', "
            "algorithm => 'baseline', deploy => 'always')"
        )
    return path


@pytest.fixture
def shop(trained_once, tmp_path):
    """A database with a table of customers and version 1, a baseline, of a model of them."""
    return Path(shutil.copy(trained_once, tmp_path / "shop.duckdb"))
