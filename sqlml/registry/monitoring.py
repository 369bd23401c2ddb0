"""Profile, drift and realised performance of windows: appended by each run, never replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.registry.model import Address
from sqlml.registry.queries import query
from sqlml.registry.run import Run, utc_now

_SLICED = ("column_name", "slice_key", "slice_value", "metric", "value")

COLUMNS = {
    "profile_metric": _SLICED,
    "drift_metric": (*_SLICED, "threshold", "p_value", "p_adjusted", "n_reference", "n_current", "drifted"),
}
"""By table what a measuring query gives it, beside the window and whom it is about."""


@dataclass(frozen=True)
class Window:
    """A stretch of time, without its end, in which a version of a model scored; times are UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class PerformanceMetric:
    """One number of realised performance; the interval is that of the primary metric only."""

    metric: str
    value: float | None
    n: int
    label_coverage: float
    slice_key: str | None = None
    slice_value: str | None = None
    ci_low: float | None = None
    ci_high: float | None = None


def add_measured(session: Session, run: Run, address: Address, window: Window, table: str, measured: pa.Table) -> None:
    """Append what a measuring query found to one of :data:`COLUMNS`."""
    constants = {
        "run_id": pa.scalar(run.run_id),
        "model": pa.scalar(address.model),
        "version": pa.scalar(address.version, pa.int32()),
        "window_start": pa.scalar(window.start, pa.timestamp("us")),
        "window_end": pa.scalar(window.end, pa.timestamp("us")),
    }
    rows = measured.select(COLUMNS[table])
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(value, len(rows)))
    session.append(exp.table_(table, db="sqlml"), rows)


def add_performance(
    session: Session, run: Run, address: Address, window: Window, metrics: Sequence[PerformanceMetric]
) -> None:
    """Append realised performance."""
    common: dict[str, Any] = {
        "run_id": run.run_id,
        "model": address.model,
        "version": address.version,
        "window_start": window.start,
        "window_end": window.end,
    }
    rows = pa.Table.from_pylist([common | asdict(metric) for metric in metrics], schema=_PERFORMANCE_SCHEMA)
    session.append(exp.table_("performance_metric", db="sqlml"), rows)


def add_window(session: Session, run: Run, model: str, window: Window, n_predictions: int) -> None:
    """Write down that a window was monitored."""
    session.execute(
        query("insert_monitored_window"),
        {
            "run_id": run.run_id,
            "model": model,
            "window_start": window.start,
            "window_end": window.end,
            "n_predictions": n_predictions,
            "monitored_at": utc_now(),
        },
    )


def last_monitored(session: Session, model: str) -> datetime | None:
    """The end of the latest window with predictions that was monitored."""
    end: datetime | None = session.rows(query("last_monitored"), {"model": model})[0][0]
    return end


def metrics_of_run(session: Session, run: Run) -> int:
    """How many numbers a run of monitoring has written."""
    return int(session.rows(query("monitored_metrics"), {"run_id": run.run_id})[0][0])


_PERFORMANCE_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.int32()),
        ("window_start", pa.timestamp("us")),
        ("window_end", pa.timestamp("us")),
        ("slice_key", pa.string()),
        ("slice_value", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("n", pa.int64()),
        ("label_coverage", pa.float64()),
    ]
)
