"""``sqlml sql``."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from sqlml.cli.options import file_argument, format_option
from sqlml.cli.output import standard_output
from sqlml.cli.session import connected, exists
from sqlml.cli.statement import run_script
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Run SQL: a statement, a script, standard input, or a prompt.",
    examples=(
        "sqlml sql shop.duckdb",
        "sqlml sql shop.duckdb \"SELECT id, predict('churn', c) AS p FROM customers AS c ORDER BY p DESC\"",
        "sqlml sql shop.duckdb -f nightly.sql",
        'sqlml sql shop.duckdb "FROM churn_predictions" --format csv > predictions.csv',
        'echo "FROM sqlml.run" | sqlml sql shop.duckdb --read-only --format json',
    ),
)
@file_argument
@click.argument("statement", required=False, help="One statement, or several with ; between them.")
@click.option(
    "-f",
    "--file",
    "script",
    type=click.File(encoding="utf-8"),
    metavar="SCRIPT",
    help="Run the statements of this file; - is standard input.",
)
@click.option("--read-only", is_flag=True, help="Open FILE read-only; several processes may do so at a time.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Rows shown of each result; 0 shows all.  [default: 40 of a table on a terminal, all otherwise]",
)
@format_option
def sql(
    file: str, statement: str | None, script: TextIO | None, read_only: bool, limit: int | None, format: str
) -> None:
    """Run SQL on the database FILE.

    Without STATEMENT and without -f, statements are read from standard input, or from a prompt with history and
    completion where that is a terminal. The first error ends the run; each statement before it has been done,
    unless your own BEGIN and COMMIT say otherwise.

    CSV and JSON hold every row and every value exactly; JSON is an array with one object a line.
    """
    if statement is not None and script is not None:
        raise click.UsageError("give a statement or -f, not both")
    if read_only and not exists(file):
        raise click.UsageError(f"there is no file {file!r} to read; 'sqlml init {file}' makes one")
    output = standard_output(format, limit)
    if statement is None and script is None and sys.stdin.isatty() and sys.stdout.isatty():
        from sqlml.cli.prompt import run_prompt

        with connected(file, read_only) as connection:
            run_prompt(connection, file, output)
        return
    # Read before the file is opened: what writes the script may need it.
    text = statement if statement is not None else _text_of(script or sys.stdin)
    with connected(file, read_only) as connection:
        run_script(connection, text, output, script.name if script and script is not sys.stdin else None)


def _text_of(script: TextIO) -> str:
    try:
        return script.read().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{script.name} is not UTF-8: {error}") from error
