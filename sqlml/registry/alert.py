"""Alerts: opened when something is wrong in the newest window, closed when it no longer is."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlml.engine import Session
from sqlml.registry.queries import query
from sqlml.registry.run import Run, utc_now


@dataclass(frozen=True)
class Condition:
    """Something that was looked at in a window, and whether it is wrong.

    ``source`` is drift, missing_share, performance or label_coverage; ``about`` the column, or None where it is about
    the model; ``severity`` warn or error.
    """

    source: str
    version: int
    about: str | None
    metric: str
    value: float | None
    threshold: float | None
    severity: str
    holds: bool
    message: str

    def dedup_key(self, model: str) -> str:
        """What the alert is about; at most one alert about it is open."""
        return f"{self.source}:{model}@{self.version}:{self.metric if self.about is None else self.about}"


def settle_alerts(
    session: Session,
    run: Run,
    model: str,
    window: tuple[datetime, datetime],
    conditions: Sequence[Condition],
    versions: Collection[int],
) -> int:
    """Open alerts for what is wrong, close those of what is not any more; gives how many are open then.

    Those of a version that is not among ``versions``, which scored the window, are closed as well: it no longer
    answers. An open alert whose condition still holds gets its newest value, severity and window, and keeps the value
    with which it was opened; one about something that was not looked at stays as it is.
    """
    now = utc_now()
    looked_at = {condition.dedup_key(model): condition for condition in conditions}
    kept = set()
    for alert_id, key, version in session.rows(query("open_alerts"), {"model": model}):
        condition = looked_at.get(key)
        if version not in versions or (condition is not None and not condition.holds):
            session.execute(query("close_alert"), {"alert_id": alert_id, "closed_at": now, "closed_run_id": run.run_id})
            continue
        kept.add(key)
        if condition is not None:
            session.execute(query("update_alert"), {"alert_id": alert_id} | _standing(condition, run, window, now))
    for key, condition in looked_at.items():
        if condition.holds and key not in kept:
            opened = _subject(condition, model) | _standing(condition, run, window, now)
            session.execute(query("insert_alert"), opened)
            kept.add(key)
    return len(kept)


def _subject(condition: Condition, model: str) -> dict[str, Any]:
    """What a new alert is about, under a name of its own."""
    return {
        "alert_id": uuid.uuid4().hex,
        "source": condition.source,
        "model": model,
        "version": condition.version,
        "column_name": condition.about,
        "metric": condition.metric,
        "dedup_key": condition.dedup_key(model),
        "runbook": RUNBOOKS[condition.source],
    }


def _standing(condition: Condition, run: Run, window: tuple[datetime, datetime], now: datetime) -> dict[str, Any]:
    """How it stands by this run."""
    return {
        "severity": condition.severity,
        "value": condition.value,
        "threshold": condition.threshold,
        "message": condition.message,
        "window_start": window[0],
        "window_end": window[1],
        "updated_at": now,
        "updated_run_id": run.run_id,
    }


RUNBOOKS = {
    "drift": "See in sqlml.latest_profile which values moved. Where the source changed by mistake, mend it and score "
    "again; where the world changed, train on newer rows.",
    "missing_share": "Look for an upstream column that was renamed or is no longer filled: its rows are scored without "
    "it. Mend the source and score again.",
    "performance": "See in sqlml.latest_performance in which slices it fell, and in sqlml.latest_drift what moved; "
    "then train on newer rows. Where a newer version is to blame, CALL sqlml.rollback.",
    "label_coverage": "See in sqlml.run whether the job that calls sqlml.record_truth ran, and whether its key is the "
    "key of the prediction table.",
}
"""By source of an alert what to do about it, as docs/monitoring.md has it too: an alert is read where no docs are."""
