"""Runs and their metrics."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.registry.queries import query

if sys.platform != "win32":
    import resource


def utc_now() -> datetime:
    """The time as the metadata tables hold it: UTC, without a zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


_PROMISED: ContextVar[str | None] = ContextVar("promised run", default=None)


@contextmanager
def promised_run(run_id: str) -> Iterator[None]:
    """Let the first run that begins inside have this name, under which somebody follows it already."""
    token = _PROMISED.set(run_id)
    try:
        yield
    finally:
        _PROMISED.reset(token)


def _new_run_id() -> str:
    promised = _PROMISED.get()
    _PROMISED.set(None)
    return promised or uuid.uuid4().hex


@dataclass(frozen=True)
class Run:
    """One train, score, deploy, check, ... that is under way; it is written down when it has succeeded."""

    kind: str
    run_id: str = field(default_factory=_new_run_id)
    started_at: datetime = field(default_factory=utc_now)
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True)
class Metric:
    """One number of a run, on one dataset, for all rows or one slice."""

    dataset: str
    metric: str
    value: float | None
    n: int
    slice_key: str | None = None
    slice_value: str | None = None
    ci_low: float | None = None
    ci_high: float | None = None


_METRIC_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.int32()),
        ("dataset", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("n", pa.int64()),
        ("slice_key", pa.string()),
        ("slice_value", pa.string()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
    ]
)


def finish_run(
    session: Session,
    run: Run,
    model: str | None,
    version: int | None,
    rows_in: int | None = None,
    rows_out: int | None = None,
    parent_run_id: str | None = None,
) -> None:
    """Write a run down as succeeded."""
    session.execute(
        query("insert_run"),
        {
            "run_id": run.run_id,
            "kind": run.kind,
            "model": model,
            "version": version,
            "started_at": run.started_at,
            "ended_at": utc_now(),
            "actor": session.actor(),
            "engine": f"{session.name} {session.version()}",
            "rows_in": rows_in,
            "rows_out": rows_out,
            "elapsed_seconds": time.perf_counter() - run.started,
            "peak_memory_bytes": peak_memory_bytes(),
            "parent_run_id": parent_run_id,
        },
    )


def add_metrics(session: Session, run: Run, model: str, version: int, metrics: Sequence[Metric]) -> None:
    """Write the metrics of a run down."""
    if not metrics:
        return
    common: dict[str, Any] = {"run_id": run.run_id, "model": model, "version": version}
    rows = pa.Table.from_pylist([common | asdict(metric) for metric in metrics], schema=_METRIC_SCHEMA)
    session.append(exp.table_("metric", db="sqlml"), rows)


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held so far; None on Windows, which does not say."""
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
