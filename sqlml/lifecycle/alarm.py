"""When a window is cause for an alert: the conditions that are looked at, each by what was measured and written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlml.engine import Session
from sqlml.fit.compare import NORMAL_975
from sqlml.fit.metric import higher_is_better
from sqlml.registry.alert import Condition
from sqlml.registry.model import Address
from sqlml.registry.monitoring import PerformanceMetric
from sqlml.registry.queries import query
from sqlml.registry.reference import ReferenceColumn, ReferenceMetric
from sqlml.registry.run import Run

DRIFT = "psi"
"""The metric of drift that alerts: one test for every column, missing values and values out of range included."""

LEAST_DRIFT = 0.02
"""A smaller PSI is no cause for an alert: among many rows any difference is more than chance."""

GREAT_DRIFT = 0.25
"""From this PSI on, which practice calls a major shift, an alert is an error."""

MISSING_JUMP = 0.05
"""By how much the share of missing values must have risen."""

MISSING_ERRORS = 3.0
"""By how many of its standard errors, too."""

LEAST_COVERAGE = 0.5
"""The share of predictions whose truth should be known."""


def drift_conditions(session: Session, run: Run, address: Address) -> list[Condition]:
    """By column: more drift than chance gives at these sample sizes, and enough to matter."""
    measured = session.rows(query("drift_of_run"), {"run_id": run.run_id, "version": address.version, "metric": DRIFT})
    return [
        Condition(
            source="drift",
            version=address.version,
            about=column,
            metric=DRIFT,
            value=value,
            threshold=None if threshold is None else max(threshold, LEAST_DRIFT),
            severity="error" if value is not None and value >= GREAT_DRIFT else "warn",
            holds=bool(drifted) and value >= LEAST_DRIFT,
            message=f"{column!r} of {address} has drifted: psi {_number(value)} where 5 % of windows without drift "
            f"exceed {_number(threshold)}",
        )
        for column, value, threshold, drifted in measured
    ]


def missing_conditions(
    session: Session, run: Run, address: Address, reference: Sequence[ReferenceColumn]
) -> list[Condition]:
    """By column: a share of missing values that has jumped."""
    rows = session.rows(query("missing_rows"), {"run_id": run.run_id, "version": address.version})
    found = {column: (n, n_missing) for column, n, n_missing in rows}
    conditions = []
    for column in reference:
        if column.name not in found or not column.n:
            continue
        n, n_missing = found[column.name]
        before, after = column.n_missing / column.n, n_missing / n
        pooled = (column.n_missing + n_missing) / (column.n + n)
        error = math.sqrt(pooled * (1 - pooled) * (1 / column.n + 1 / n))
        limit = before + max(MISSING_JUMP, MISSING_ERRORS * error)
        message = f"{column.name!r} of {address} is missing in {after:.1%} of rows, and was in {before:.1%} at training"
        conditions.append(
            Condition(
                "missing_share", address.version, column.name, "share_missing", after, limit, "error", after > limit,
                message,
            )
        )  # fmt: skip
    return conditions


def performance_conditions(
    address: Address, realised: Sequence[PerformanceMetric], reference: ReferenceMetric | None
) -> list[Condition]:
    """The primary metric worse than at training by more than the 95 % interval of the difference."""
    if reference is None or reference.standard_error is None:
        return []
    for metric in realised:
        if metric.metric != reference.metric or metric.slice_key is not None:
            continue
        if metric.value is None or metric.ci_high is None:
            continue
        error = math.hypot((metric.ci_high - metric.value) / NORMAL_975, reference.standard_error)
        sign = 1.0 if higher_is_better(metric.metric) else -1.0
        limit = reference.value - sign * NORMAL_975 * error
        holds = sign * (metric.value - limit) < 0
        message = (
            f"{metric.metric} of {address} is {metric.value:.4f} on {metric.n} predictions, and was "
            f"{reference.value:.4f} at training"
        )
        return [
            Condition("performance", address.version, None, metric.metric, metric.value, limit, "error", holds, message)
        ]
    return []


def coverage_conditions(address: Address, realised: Sequence[PerformanceMetric]) -> list[Condition]:
    """The truth known of too few predictions to judge them."""
    coverage = next(metric for metric in realised if metric.metric == "label_coverage" and metric.slice_key is None)
    message = f"the truth is known of {coverage.label_coverage:.1%} of the {coverage.n} predictions of {address}"
    return [
        Condition(
            source="label_coverage",
            version=address.version,
            about=None,
            metric="label_coverage",
            value=coverage.label_coverage,
            threshold=LEAST_COVERAGE,
            severity="warn",
            holds=coverage.label_coverage < LEAST_COVERAGE,
            message=message,
        )
    ]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
