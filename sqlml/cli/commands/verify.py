"""``sqlml verify``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sqlml.cli.failure import CouldNotLook
from sqlml.cli.session import exists, inspected
from sqlml.cli.target import engine_at, target_option
from sqlml.cli.taught import Taught

if TYPE_CHECKING:
    from sqlml.install import Difference


def _existing(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not exists(value):
        raise click.BadParameter(f"there is no file {value!r}; 'sqlml init {value}' makes one", context, parameter)
    return value


@click.command(
    cls=Taught,
    short_help="Hold a database against the files that it was made from.",
    words={
        "behind": "this sqlml brings another text of it than the database holds",
        "edited": "it, its owner or its grants were changed in the database after sqlml had created it",
        "missing": "sqlml created it, or should have, and it is not there",
        "extra": "it stands in schema sqlml and is none of sqlml's",
        "- and +": "what was recorded of it, and what is found now",
    },
    examples=(
        "sqlml verify shop.duckdb",
        "sqlml verify shop.duckdb || sqlml init shop.duckdb",
        "sqlml verify --target postgresql://postgres@localhost/shop",
    ),
)
@click.argument("file", callback=_existing, required=False, help="The DuckDB file.")
@target_option(required=False)
def verify(file: str | None, target: str | None) -> int:
    """Hold the routines and compiled models of FILE, or of a server, against the files and records they were made from.

    Prints one line for each difference, and below it what differs; exits with 1 then, with 0 where there is none, and
    with 2 where it could not look. Nothing is changed.
    """
    source = click.get_current_context().get_parameter_source("target")
    if file is not None and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("name a DuckDB file or a --target, not both")
    if file is None and target is None:
        raise click.UsageError("name a DuckDB file, or a PostgreSQL database with --target")
    try:
        shown, differences = _differences(file, target)
    except Exception as error:
        raise CouldNotLook from error
    return _reported(shown, differences)


def _differences(file: str | None, target: str | None) -> tuple[str, Sequence[Difference]]:
    """The database as it may be shown, and what differs in it."""
    from sqlml.install import verify as differences_of

    if file is not None:
        with inspected(file) as (engine, _):
            return file, differences_of(engine)
    with engine_at(target or "") as (server, shown):
        return shown, differences_of(server)


def _reported(shown: str, differences: Sequence[Difference]) -> int:
    for difference in differences:
        click.echo(str(difference))
        for line in difference.diff:
            click.echo(f"  {line}")
    if not differences:
        click.echo(f"{shown} is in step with its files")
    return 1 if differences else 0
