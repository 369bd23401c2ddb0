"""``sqlml demo``: real flights, from rows to a live, versioned prediction table, by the SQL that a user would write."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlglot import exp

import sqlml
from sqlml import Connection
from sqlml.engine.duckdb_connection import open_connection
from sqlml.errors import InvalidArgument, SqlmlError
from sqlml.install import shipped_folder
from sqlml.report.demo_screen import print_screen

BASELINE = """
CALL sqlml.train(
  model => 'flight_late',
  relation => 'SELECT * FROM flight_features WHERE scheduled_at < DATE ''2016-11-01''',
  target => 'is_late', key_column => 'flight_id', time_column => 'scheduled_at',
  algorithm => 'baseline', deploy => 'always'
)
"""
TRAIN = """
CALL sqlml.train(
  model => 'flight_late',
  relation => 'SELECT * FROM flight_features WHERE scheduled_at < DATE ''2016-11-01''',
  target => 'is_late', key_column => 'flight_id', time_column => 'scheduled_at',
  algorithm => 'lightgbm', deploy => 'gated'
)
"""
SCORE = """
CALL sqlml.score(
  'flight_late', $month, 'flight_predictions', key_column => 'flight_id', time_column => 'scheduled_at'
)
"""
EVALUATE = "SELECT value FROM sqlml.evaluate('flight_late', $month) WHERE metric = 'roc_auc'"
MONTHS = """
SELECT DISTINCT CAST(date_trunc('month', scheduled_at) AS DATE) AS month
FROM flight_features WHERE scheduled_at >= DATE '2016-11-01' ORDER BY month
"""
SIZE = """
SELECT (SELECT count(*) FROM flight_features),
       (SELECT count(*) FROM duckdb_columns() WHERE table_name = 'flight_features')
"""
MARK = "COMMENT ON TABLE flight_predictions IS 'Made by sqlml demo'"
IS_MARKED = """
SELECT count(*) FROM duckdb_tables() WHERE table_name = 'flight_predictions' AND comment = 'Made by sqlml demo'
"""

Watch = Callable[[Connection], AbstractContextManager[None]]


@dataclass(frozen=True)
class Month:
    """A month that was scored: its first day, its rows as a relation, and how well it was ranked."""

    begins: Any
    relation: str
    roc_auc: float | None = None


def run_demo(file: str, force: bool, watch: Watch) -> None:
    """Build the demo database and show what came of it.

    The file is built in a folder of its own beside its place and moved there when it is whole. ``watch`` surrounds
    the work on the connection, so that an interrupt ends it at once.

    Raises
    ------
    InvalidArgument
        Where the file exists, and is no demo or ``force`` is not given.
    """
    target = Path(file)
    _refuse_to_replace(target, force)
    console = Console(highlight=False)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=".sqlml-demo-", dir=target.parent) as folder:
        built = Path(folder) / target.name
        with sqlml.connect(built) as con, watch(con):
            months = _run_steps(con, console)
            console.print(
                f"done      in {time.perf_counter() - began:.0f} s; all of it is in {target}\n", soft_wrap=True
            )
            print_screen(con, console, target, [(month.begins, month.roc_auc) for month in months])
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
            return bool(con.execute(IS_MARKED).fetchall()[0][0])
    except SqlmlError as error:
        if error.code == "ML061":
            raise
        return False


def _run_steps(con: Connection, console: Console) -> list[Month]:
    with _step(console, "features") as say:
        rows, columns = _build_features(con)
        say(f"{rows:,} flights, {columns} columns, each known two hours before departure")
    with _step(console, "baseline") as say:
        answer = _row(con, BASELINE)
        say(f"{_name(answer)} is live: the same answer for every flight, the share that was late so far")
    with _step(console, "train") as say:
        answer = _row(con, TRAIN)
        state = "is live" if answer["deployed"] else "did not go live"
        say(f"{_name(answer)} {state}: trees that learned from June to October, roc_auc {answer['value']:.4f}")
    with _step(console, "score") as say:
        months = [Month(begins, _rows_of(begins)) for (begins,) in con.execute(MONTHS).fetchall()]
        scored = sum(_row(con, SCORE, {"month": month.relation})["rows"] for month in months)
        say(f"{scored:,} flights from November to May, month by month, into flight_predictions")
    with _step(console, "evaluate") as say:
        months = [_evaluated(con, month) for month in months]
        say(f"each of the {len(months)} months against what happened")
    con.execute(MARK)
    return months


@contextmanager
def _step(console: Console, name: str) -> Iterator[Callable[[str], None]]:
    """Do one step: a sign of life on a terminal while it runs, then one line with what it did and how long it took."""
    said: list[str] = []
    began = time.perf_counter()
    with console.status(f"{name} ..."):
        yield said.append
    console.print(f"{name:<9} {''.join(said)} ({time.perf_counter() - began:.1f} s)", soft_wrap=True)


def _build_features(con: Connection) -> tuple[int, int]:
    """Run the SQL files of the example project in their order; gives the rows and columns of ``flight_features``."""
    project = shipped_folder("dbt_project")
    con.execute("SET VARIABLE flights_data = $folder", {"folder": str(project / "data")})
    for path in sorted((project / "flights").glob("*.sql")):
        con.execute(path.read_text(encoding="utf-8"))
    rows, columns = con.execute(SIZE).fetchall()[0]
    return int(rows), int(columns)


def _rows_of(month: Any) -> str:
    """The SELECT that gives the flights of a month."""
    same_month = exp.func("date_trunc", exp.Literal.string("month"), exp.column("scheduled_at"), dialect="duckdb").eq(
        exp.cast(exp.Literal.string(str(month)), "DATE")
    )
    return exp.select("*").from_("flight_features").where(same_month).sql("duckdb")


def _evaluated(con: Connection, month: Month) -> Month:
    found = con.execute(EVALUATE, {"month": month.relation}).fetchall()
    return Month(month.begins, month.relation, found[0][0] if found else None)


def _name(answer: dict[str, Any]) -> str:
    return f"{answer['model']}@{answer['version']}"


def _row(con: Connection, sql: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The one row that a procedure answers with."""
    con.execute(sql, parameters)
    names = [column[0] for column in con.description]
    return dict(zip(names, con.fetchall()[0], strict=True))
