"""``sqlml demo``: a year of real flights through the example dbt project, as scheduled jobs would do it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from sqlglot import exp

import sqlml
from sqlml import Connection
from sqlml.engine.duckdb.connection import open_connection
from sqlml.errors import InvalidArgument, SqlmlError
from sqlml.install import shipped_folder
from sqlml.report.demo_job import Job, Watch, copied_project, refuse_without_dbt, run_dbt
from sqlml.report.demo_screen import print_screen

FIRST_DAY, LAST_DAY = "2016-11-01", "2017-05-31"
"""When the first job believes to run, and when the last one does."""

LEARNED = """
SELECT (SELECT count(*) FROM flight_features), version, value, (SELECT count(*) FROM flight_predictions)
FROM flight_late
"""
CAUGHT_UP = """
SELECT (SELECT count(*) FROM flight_predictions), (SELECT count(*) FROM flight_truth),
       (SELECT count(DISTINCT window_start) FROM flight_monitoring),
       (SELECT count(*) FROM sqlml.alert WHERE closed_at IS NULL)
"""
ANSWERED = "SELECT version, value, is_live FROM flight_late ORDER BY version DESC LIMIT 1"

MADE_BY = "Made by sqlml demo"
MARKED = "SELECT comment FROM duckdb_tables() WHERE table_name = 'flight_predictions'"

Show = Callable[[str], None]


def run_demo(file: str, force: bool, watch: Watch) -> None:
    """Build the demo database and show what came of it.

    The file is built in a folder of its own beside its place and moved there when it is whole. ``watch`` surrounds
    the work, so that an interrupt ends it at once.

    Raises
    ------
    InvalidArgument
        Where the file exists, and is no demo or ``force`` is not given.
    InstallError
        Where dbt is not installed.
    SqlmlError
        Where a dbt command fails.
    """
    target = Path(file)
    _refuse_to_replace(target, force)
    refuse_without_dbt()
    console = Console(highlight=False)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=".sqlml-demo-", dir=target.parent) as folder:
        built = Path(folder).resolve() / target.name
        job = Job(copied_project(Path(folder).resolve()), built, target.with_suffix(".dbt.log"), watch)
        _run_jobs(job, console)
        with sqlml.connect(built) as con, watch(con):
            _mark(con)
            console.print(
                f"done      in {time.perf_counter() - began:.0f} s; all of it is in {target}\n", soft_wrap=True
            )
            print_screen(con, console, target)
        os.replace(built, target)


def _refuse_to_replace(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not force:
        raise InvalidArgument(
            f"{target} exists already; look into it with 'sqlml sql {target}', make it anew with 'sqlml demo {target} "
            "--force', or name another file"
        )
    if not _is_demo(target):
        raise InvalidArgument(f"{target} was not made by sqlml demo and is not replaced; name another file")


def _is_demo(target: Path) -> bool:
    """Whether a file carries the mark that the demo leaves on its prediction table."""
    if not target.is_file():
        return False
    try:
        with open_connection(str(target), True, {}, lambda _: None) as con:
            return any((comment or "").endswith(MADE_BY) for (comment,) in con.execute(MARKED).fetchall())
    except SqlmlError as error:
        if error.code == "ML061":
            raise
        return False


def _mark(con: Connection) -> None:
    """Add to the comment of the prediction table who made it."""
    ((comment,),) = con.execute(MARKED).fetchall()
    marked = exp.Comment(
        this=exp.to_table("flight_predictions"),
        kind="TABLE",
        expression=exp.Literal.string(f"{comment or ''}. {MADE_BY}".removeprefix(". ")),
    )
    con.execute(marked.sql("duckdb"))


def _run_jobs(job: Job, console: Console) -> None:
    """Three jobs: the first learns, the second comes seven months late, the third answers what that has found."""
    with _step(console, "learn") as (show, say):
        run_dbt(job, ("deps",), show)
        run_dbt(job, ("build", "--vars", _on(FIRST_DAY)), show)
        flights, version, value, predicted = _found(job, LEARNED)
        say(
            f"{flights:,} flights up to November; flight_late@{version} learned from June to October, roc_auc "
            f"{value:.4f}, and predicted the {predicted:,} of November"
        )
    with _step(console, "catch up") as (show, say):
        run_dbt(job, ("build", "--vars", _on(LAST_DAY)), show)
        predicted, known, months, alerts = _found(job, CAUGHT_UP)
        say(
            f"the next job comes seven months later: {predicted:,} flights are predicted by now, {known:,} have ended, "
            f"{months} months were monitored, {alerts} alerts are open"
        )
    with _step(console, "retrain") as (show, say):
        run_dbt(job, ("build", "--select", "flight_late", "--vars", _on(LAST_DAY)), show)
        version, value, is_live = _found(job, ANSWERED)
        state = "is live" if is_live else "did not go live"
        say(f"the alerts are answered: flight_late@{version} learned from all that has ended, and {state}")


def _on(day: str) -> str:
    """The variables of a job that believes to run on this day."""
    return json.dumps({"today": day, "flights_data": str(shipped_folder("dbt_project") / "data")})


def _found(job: Job, query: str) -> tuple[object, ...]:
    with sqlml.connect(job.database, read_only=True) as con, job.watch(con):
        row: tuple[object, ...] = con.execute(query).fetchall()[0]
        return row


@contextmanager
def _step(console: Console, name: str) -> Iterator[tuple[Show, Show]]:
    """Do one step: a sign of life on a terminal while it runs, then one line with what it did and how long it took."""
    said: list[str] = []
    began = time.perf_counter()
    with console.status(f"{name} ...") as status:
        yield (lambda doing: status.update(f"{name} ... {doing}")), said.append
    console.print(f"{name:<9} {''.join(said)} ({time.perf_counter() - began:.1f} s)", soft_wrap=True)
