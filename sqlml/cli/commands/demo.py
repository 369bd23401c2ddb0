"""``sqlml demo``."""

from __future__ import annotations

import click

from sqlml.cli.failure import Interrupted
from sqlml.cli.interrupt import interruptible, interrupts_held
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Train, predict, monitor and retrain on real flights, and leave the file to play with.",
    examples=(
        "sqlml demo",
        "sqlml demo build/flights.duckdb --force",
    ),
)
@click.argument("file", default="flights.duckdb", help="The DuckDB file to make.  [default: flights.duckdb]")
@click.option("--force", is_flag=True, help="Replace FILE where it is an earlier demo, with all that was added to it.")
def demo(file: str, force: bool) -> None:
    """Run the whole way on real flights, from rows to a live, monitored model, in about a minute.

    The 194,000 flights that left Seattle and Portland from June 2016 to May 2017 come with sqlml, and so does the dbt
    project that is run on them (pip install 'sqlml[dbt]'). A model learns from June to October which of them arrive
    more than 15 minutes late, or not at all; November to May are predicted, the truth is recorded, every month is
    monitored, and what has drifted is answered by a new version. Everything is left in FILE, with statements to try
    next.
    """
    from sqlml.report.demo import run_demo

    try:
        with interrupts_held():
            run_demo(file, force, interruptible)
    except KeyboardInterrupt as error:
        raise Interrupted(f"interrupted; {file} is as it was") from error
