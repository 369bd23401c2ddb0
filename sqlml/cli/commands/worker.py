"""``sqlml worker``."""

from __future__ import annotations

import click

from sqlml.cli.target import target_option
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Do what PostgreSQL has queued: train, score, monitor outside of the server.",
    examples=(
        "sqlml worker --target postgresql://sqlml_worker@db.example.com/shop",
        "SQLML_TARGET=service=shop sqlml worker --concurrency 2",
        "sqlml worker --target postgresql:///shop --drain",
    ),
)
@target_option(required=True)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Jobs done at a time; each uses all processors where it trains.",
)
@click.option("--drain", is_flag=True, help="Do what is queued, then end; for cron and CI.")
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a job may go on after SIGTERM; what is not done by then waits for the next worker.",
)
@click.option(
    "--stalled-after",
    type=click.FloatRange(0.5, 45),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a worker is not heard of before others take over its jobs; the same for all workers.",
)
def worker(target: str, concurrency: int, drain: bool, grace: float, stalled_after: float) -> int:
    """Do the jobs that CALL sqlml.train(..., runtime => 'worker') and the like have queued in a PostgreSQL database.

    Runs until SIGTERM or Ctrl-C; a second one ends it at once. Each job runs with the rights of the role that asked.
    The login is no superuser, is a member of sqlml_owner, and of the roles for which it works. Any number of workers
    may serve a database; a job is done once.

    The exit code is 0 when told to stop, 1 for an error, and 3 where --drain has done a job that failed.
    """
    from sqlml.errors import InstallError

    try:
        from sqlml.worker import Settings, serve
        from sqlml.worker.log import log_to_stderr
    except ModuleNotFoundError as error:
        raise InstallError(f"the worker needs {error.name}; pip install 'sqlml[postgres]'") from error
    log_to_stderr()
    return serve(Settings(target, concurrency, drain, grace, stalled_after))
