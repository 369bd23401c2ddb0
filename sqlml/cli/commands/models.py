"""``sqlml models``."""

from __future__ import annotations

import click

from sqlml.cli.options import existing_file_argument, format_option
from sqlml.cli.output import print_relation, standard_output
from sqlml.cli.session import inspected
from sqlml.cli.taught import Taught
from sqlml.errors import InstallError


@click.command(
    cls=Taught,
    short_help="List the models, and which version of each is live.",
    words={
        "champion": "the version that answers predict('model', row); NULL where none is live",
        "algorithm": "the champion's",
        "live_since": "when it was put live, in UTC",
        "latest_version": "the newest version, live or not",
    },
    examples=(
        "sqlml models shop.duckdb",
        "sqlml models shop.duckdb --format json",
    ),
)
@existing_file_argument
@format_option
def models(file: str, format: str) -> None:
    """List the models of FILE: what each predicts, and which version is live since when."""
    from sqlml.install import is_installed
    from sqlml.registry.queries import query

    with inspected(file) as (engine, connection):
        if not is_installed(engine):
            raise InstallError(f"{file} has no sqlml; 'sqlml init {file}' puts it there")
        print_relation(connection.sql(query("models")), standard_output(format))
