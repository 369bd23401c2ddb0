"""The screen at the end of ``sqlml demo``: what is live and why, how it did, and what to try next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from sqlml import Connection

HELD_OUT = """
SELECT dataset,
       max(value) FILTER (WHERE metric = 'roc_auc') AS roc_auc,
       max(value) FILTER (WHERE metric = 'log_loss') AS log_loss,
       max(n) AS n
FROM sqlml.metric
WHERE run_id = (SELECT run_id FROM sqlml.model_version WHERE model = 'flight_late' AND version = 2)
  AND dataset IN ('test', 'champion', 'majority')
GROUP BY dataset ORDER BY dataset = 'test' DESC, dataset
"""
LIVE = """
SELECT version, reason FROM sqlml.deployment
WHERE model = 'flight_late' AND alias = 'champion' AND valid_to IS NULL
"""
BY_MONTH = """
SELECT m.window_start, m.predictions, m.mean_prediction, actual.share_late, m.value, loss.value, m.prediction_psi,
       m.columns_drifted
FROM flight_monitoring AS m
JOIN (
  SELECT date_trunc('month', p.event_time) AS month, p.version, avg(CAST(f.is_late AS INTEGER)) AS share_late
  FROM flight_predictions AS p JOIN flight AS f USING (flight_id)
  GROUP BY ALL
) AS actual ON actual.month = m.window_start AND actual.version = m.version
LEFT JOIN sqlml.latest_performance AS loss
  ON loss.run_id = m.run_id AND loss.version = m.version AND loss.metric = 'log_loss' AND loss.slice_key IS NULL
ORDER BY m.window_start, m.version
"""
FIVE_FLIGHTS = """
SELECT f.carrier, f.flight_number, f.origin, f.dest, f.scheduled_at, p.prediction, f.is_late
FROM flight_predictions AS p JOIN flight AS f ON f.flight_id = p.flight_id
WHERE p.event_time >= DATE '2017-05-01'
ORDER BY hash(f.flight_id) LIMIT 5
"""
IMPORTANCE = "SELECT feature, importance FROM sqlml.feature_importance('flight_late') LIMIT 5"

TRY_PREDICT = (
    "SELECT carrier, count(*) AS flights, avg(predict('flight_late', f)) AS p_late "
    "FROM flight_features AS f GROUP BY carrier ORDER BY p_late DESC"
)
TRY_DRIFT = (
    "SELECT column_name, value AS psi FROM sqlml.latest_drift "
    "WHERE metric = 'psi' AND window_start = DATE '2016-12-01' ORDER BY psi DESC LIMIT 10"
)
TRY_EVALUATE = (
    "FROM sqlml.evaluate('flight_late@1', "
    "'SELECT * FROM flight_features WHERE origin = ''PDX'' AND scheduled_at >= DATE ''2016-11-01''')"
)
TRY_PLAIN = (
    "SELECT flight_id, sqlml.predict_flight_late(f) AS p_late FROM flight_features AS f "
    "WHERE f.scheduled_at >= make_date(2017, 5, 31) ORDER BY p_late DESC LIMIT 5"
)

_CALLED = {
    "test": "flight_late@2, with all months",
    "champion": "flight_late@1, live before",
    "majority": "majority class",
}


def print_screen(con: Connection, console: Console, target: Path) -> None:
    """Print what the demo database holds."""
    _print_months(con, console)
    held_out = con.execute(HELD_OUT).fetchall()
    _print_table(
        console,
        f"Trained again: versions on {held_out[0][3]:,} flights held out, the newest",
        ["version", "roc_auc", "log_loss"],
        ([_CALLED[name], f"{auc:.4f}", f"{loss:.4f}"] for name, auc, loss, _ in held_out),
    )
    version, reason = con.execute(LIVE).fetchall()[0]
    console.print(f"[bold]Live: flight_late@{version}[/bold]. Why: {reason}.\n")
    _print_table(
        console,
        "Five flights of May 2017",
        ["flight", "scheduled", "p_late", "was late"],
        (
            [
                f"{carrier} {number} {origin}-{dest}",
                f"{scheduled:%a %d %b %H:%M}",
                f"{score:.1%}",
                "yes" if late else "no",
            ]
            for carrier, number, origin, dest, scheduled, score, late in con.execute(FIVE_FLIGHTS).fetchall()
        ),
    )
    _print_table(
        console,
        "What it looks at most",
        ["feature", "importance"],
        ([feature, f"{share:.1%}"] for feature, share in con.execute(IMPORTANCE).fetchall()),
    )
    _print_next(console, target)


def _print_months(con: Connection, console: Console) -> None:
    rows = [
        [f"{month:%b %Y}", f"{flights:,}", f"{predicted:.1%}", f"{actual:.1%}", *map(_number, measured), str(drifted)]
        for month, flights, predicted, actual, *measured, drifted in con.execute(BY_MONTH).fetchall()
    ]
    _print_table(
        console,
        "Months that flight_late@1 had not seen: late flights, performance, drift",
        ["month", "flights", "p_late", "late", "roc_auc", "log_loss", "psi", "drifted"],
        rows,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _print_table(console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console.print(f"[bold]{title}[/bold]")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()


def _print_next(console: Console, target: Path) -> None:
    """Commands that can be copied as they stand."""
    sql = f"{_as_typed(Path(sys.argv[0]), 'sqlml')} sql {shlex.quote(str(target))}"
    python = _as_typed(Path(sys.executable), "python")
    plain = f"import duckdb; print(duckdb.connect({str(target)!r}).sql({TRY_PLAIN!r}))"
    console.print("[bold]Try next[/bold]")
    for explained, line in (
        (
            "the live version in any SELECT (without a SELECT the same command is a prompt)",
            f"{sql} {_quoted(TRY_PREDICT)}",
        ),
        ("what drifted in December, the month of the storms", f"{sql} {_quoted(TRY_DRIFT)}"),
        ("how good the first version was on one airport", f"{sql} {_quoted(TRY_EVALUATE)}"),
        ("the same scores from the file alone, with plain DuckDB", f"{python} -c {_quoted(plain)}"),
    ):
        console.print(f"\n# {explained}", style="dim", soft_wrap=True)
        # Not wrapped, so that it can be copied.
        console.print(line, markup=False, soft_wrap=True)


def _quoted(argument: str) -> str:
    """An argument as a shell takes it, in the quotes that SQL does not use where they will do."""
    return shlex.quote(argument) if set(argument) & set('"$`!\\') else f'"{argument}"'


def _as_typed(program: Path, name: str) -> str:
    """How a program is called from here: by its name where that finds it, else by its path, short where it can be."""
    found = shutil.which(name)
    if found and os.path.samefile(found, program) if program.exists() else False:
        return name
    return os.path.relpath(program) if Path.cwd() in program.absolute().parents else str(program)
