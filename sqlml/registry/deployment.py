"""The history of an alias: which version it names, and which it named before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlml.engine import Session
from sqlml.registry.model import Address
from sqlml.registry.queries import query
from sqlml.registry.run import utc_now


@dataclass(frozen=True)
class Deployment:
    """A change of what an alias names."""

    alias: str
    address: Address
    action: str
    reason: str | None
    run_id: str
    role: str = "champion"
    traffic: float = 1.0


def history(session: Session, model: str, alias: str) -> list[dict[str, Any]]:
    """The rows of an alias, oldest first: version, action, valid_from, valid_to."""
    rows: list[dict[str, Any]] = session.arrow(query("alias_history"), {"model": model, "alias": alias}).to_pylist()
    return rows


def current(session: Session, model: str, alias: str) -> dict[str, Any] | None:
    """The row of an alias that holds now."""
    return next((row for row in history(session, model, alias) if row["valid_to"] is None), None)


def deployed_before(session: Session, model: str, alias: str) -> list[int]:
    """The versions that deploys put live and no rollback took back, oldest first; the last is live now.

    Rolling back again therefore goes one further back, and not to and fro.
    """
    stack: list[int] = []
    for row in history(session, model, alias):
        if row["action"] == "rollback":
            stack.pop()
        else:
            stack.append(row["version"])
    return stack


def record(session: Session, deployment: Deployment) -> datetime:
    """End the current row of the alias and begin a new one; gives the time at which it begins."""
    model, version = deployment.address.model, deployment.address.version
    past = history(session, model, deployment.alias)
    begins = utc_now()
    if past and begins <= past[-1]["valid_from"]:
        # Two changes within one tick of the clock, or a clock set back: the history stays in order.
        begins = past[-1]["valid_from"] + timedelta(microseconds=1)
    key = {"model": model, "alias": deployment.alias}
    session.execute(query("close_deployment"), key | {"valid_to": begins})
    session.execute(
        query("insert_deployment"),
        key
        | {
            "version": version,
            "role": deployment.role,
            "traffic": deployment.traffic,
            "valid_from": begins,
            "action": deployment.action,
            "actor": session.actor(),
            "reason": deployment.reason,
            "run_id": deployment.run_id,
        },
    )
    return begins
