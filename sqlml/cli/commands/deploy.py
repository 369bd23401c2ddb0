"""``sqlml deploy`` and ``sqlml rollback``."""

from __future__ import annotations

import click

from sqlml.cli.options import existing_file_argument, format_option, model_argument
from sqlml.cli.output import print_answer, standard_output
from sqlml.cli.session import engine_on
from sqlml.cli.taught import Taught

_alias = click.option(
    "--alias",
    default="champion",
    show_default=True,
    help="The name under which the version answers, as in predict('model@alias', row). 'champion' is what "
    "predict('model', row) asks.",
)
_reason = click.option("--reason", metavar="TEXT", help="Why; kept in sqlml.deployment beside who and when.")


@click.command(
    cls=Taught,
    short_help="Put a version live.",
    examples=(
        "sqlml deploy shop.duckdb churn 3",
        'sqlml deploy shop.duckdb churn 4 --alias challenger --reason "fewer features"',
    ),
)
@existing_file_argument
@model_argument
@click.argument("version", type=click.IntRange(min=1), help="The number of the version.")
@_alias
@_reason
@format_option
def deploy(file: str, model: str, version: int, alias: str, reason: str | None, format: str) -> None:
    """Let MODEL answer with VERSION from now on.

    The whole history of who was live when stays in sqlml.deployment; 'sqlml rollback' takes a deploy back.
    """
    from sqlml.lifecycle.deploy import deploy as put_live

    with engine_on(file) as (engine, connection):
        answer = put_live(engine, model, version, alias, reason=reason)
        print_answer(answer, connection, standard_output(format))


@click.command(
    cls=Taught,
    short_help="Take the last deploy of a model back.",
    examples=('sqlml rollback shop.duckdb churn --reason "complaints since Monday"',),
)
@existing_file_argument
@model_argument
@_alias
@_reason
@format_option
def rollback(file: str, model: str, alias: str, reason: str | None, format: str) -> None:
    """Let MODEL answer with the version that was live before the last deploy; once more, and it goes one further."""
    from sqlml.lifecycle.deploy import rollback as take_back

    with engine_on(file) as (engine, connection):
        answer = take_back(engine, model, alias, reason)
        print_answer(answer, connection, standard_output(format))
