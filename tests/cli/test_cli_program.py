"""The command as a whole: what its help teaches, how fast it starts, what it leaves unsaid at exit."""

import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from sqlml.cli.program import program
from sqlml.cli.taught import Taught

HEAVY = ("duckdb", "lightgbm", "sklearn", "numba", "numpy", "pandas", "pyarrow", "sqlglot", "rich", "prompt_toolkit")


def test_alone_it_shows_its_help(sqlml_here):
    alone, asked = sqlml_here(), sqlml_here("--help")
    assert (alone.code, alone.out) == (0, asked.out)
    listed = re.findall(
        r"^  ([a-z-]+)  ", alone.out.partition("Commands:\n")[2].partition("Examples:")[0], re.MULTILINE
    )
    lifecycle = ["train", "deploy", "rollback", "score", "models"]
    assert listed == ["init", "install", "sql", *lifecycle, "copy", "verify", "worker", "dbt-package", "demo"]


def test_version(sqlml_here):
    assert sqlml_here("--version").out == f"sqlml {version('sqlml')}\n"


@pytest.mark.parametrize("name", list(program.commands))
def test_every_command_teaches(sqlml_here, name):
    command = program.commands[name]
    done = sqlml_here(name, "--help")
    assert done.code == 0
    assert isinstance(command, Taught)
    assert command.examples
    for example in command.examples:
        assert example in done.out
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def commands_shown():
    for shown in (program, *program.commands.values()):
        for line in "\n".join(shown.examples).replace("\\\n", " ").splitlines():
            yield from (part for part in re.split(r" \|\|? | && | > ", line) if part.startswith("sqlml "))


@pytest.mark.parametrize("line", list(commands_shown()))
def test_every_example_is_a_command_that_parses(line):
    _, name, *rest = shlex.split(line)
    command = program.commands[name]
    command.make_parser(click.Context(command)).parse_args(rest)


def test_help_imports_nothing_heavy():
    code = f"import sys, sqlml.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("arguments", [("init", "x.duckdb"), ("sql", "x.duckdb", "FROM nowhere")])
def test_nothing_is_said_at_exit(sqlml_command, arguments):
    done = sqlml_command(*arguments)
    assert "nanobind" not in done.err
    assert done.err.count("\n") == done.code


def test_an_unknown_command(sqlml_here):
    done = sqlml_here("trian")
    assert done.code == 2
    assert "No such command 'trian'" in done.err
