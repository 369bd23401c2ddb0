"""The command ``sqlml`` and the list of its commands."""

from __future__ import annotations

from typing import Any

import click

from sqlml.cli.commands.copy import copy
from sqlml.cli.commands.dbt_package import dbt_package
from sqlml.cli.commands.demo import demo
from sqlml.cli.commands.deploy import deploy, rollback
from sqlml.cli.commands.init import init
from sqlml.cli.commands.install import install
from sqlml.cli.commands.models import models
from sqlml.cli.commands.score import score
from sqlml.cli.commands.sql import sql
from sqlml.cli.commands.train import train
from sqlml.cli.commands.verify import verify
from sqlml.cli.commands.worker import worker
from sqlml.cli.failure import Interrupted, PipeClosed
from sqlml.cli.taught import Taught


class Program(Taught, click.Group):
    """A group that lists its commands in the order in which a model needs them."""

    def list_commands(self, _: click.Context) -> list[str]:
        """The names of the commands, in the order in which they were added."""
        return list(self.commands)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; an interrupt and a closed pipe pass through click as exceptions of our own."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            raise Interrupted(str(error)) from error
        except BrokenPipeError as error:
            raise PipeClosed from error


@click.group(
    cls=Program,
    commands=[init, install, sql, train, deploy, rollback, score, models, copy, verify, worker, dbt_package, demo],
    examples=(
        "sqlml demo",
        "sqlml train shop.duckdb churn --relation customers.csv --target has_left",
        "sqlml sql shop.duckdb \"SELECT id, predict('churn', c) AS p FROM 'customers.csv' AS c\"",
    ),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="sqlml", message="sqlml %(version)s")
@click.pass_context
def program(context: click.Context) -> None:
    """Train, version, deploy and score models in SQL, in one DuckDB FILE.

    What the commands do, SQL does as well: CALL sqlml.train(...), CALL sqlml.deploy(...) and the rest, and
    SELECT predict('churn', c) FROM customers AS c. Each command explains itself with --help.

    The exit code is 0 when done, 1 for an error, which is told on one line, and 2 for a wrong use, or where
    verify could not look.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
