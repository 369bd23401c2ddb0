"""``sqlml verify``."""

from __future__ import annotations

import click

from sqlml.cli.options import existing_file_argument
from sqlml.cli.session import inspected
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Hold a database against the files that it was made from.",
    words={
        "behind": "this sqlml brings another text of it than the database holds",
        "edited": "it was changed in the database after sqlml had created it",
        "missing": "sqlml created it, or should have, and it is not there",
        "extra": "it stands in schema sqlml and is none of sqlml's",
    },
    examples=(
        "sqlml verify shop.duckdb",
        "sqlml verify shop.duckdb || sqlml init shop.duckdb",
    ),
)
@existing_file_argument
def verify(file: str) -> int:
    """Hold the routines and compiled models of FILE against the files and records they were made from.

    Prints one line for each difference and exits with 1; exits with 0 where there is none. FILE is opened
    read-only and never changed.
    """
    from sqlml.install import verify as differences_of

    with inspected(file) as (engine, _):
        differences = differences_of(engine)
    for difference in differences:
        click.echo(str(difference))
    if not differences:
        click.echo(f"{file} is in step with its files")
    return 1 if differences else 0
