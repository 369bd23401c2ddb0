"""Put a version live under an alias, or take the last deploy back."""

from __future__ import annotations

import math
from typing import Any

from sqlml.engine import Engine, Session
from sqlml.errors import DeploymentError, InvalidArgument
from sqlml.registry.compiled import create_live_routines
from sqlml.registry.deployment import Deployment, current, deployed_before, record
from sqlml.registry.model import Address, checked_name, resolve
from sqlml.registry.run import Run, finish_run

CHAMPION = "champion"
"""The alias under which live traffic goes."""


def deploy(
    engine: Engine,
    model: str,
    version: int,
    alias: str = CHAMPION,
    strategy: str = "immediate",
    traffic: float = 1.0,
    reason: str | None = None,
) -> dict[str, Any]:
    """Let an alias name a version from now on.

    Deploying the version that is live already leaves the history as it is, and creates its routines again.

    Returns
    -------
    ``model, version, alias, previous_version, valid_from``.

    Raises
    ------
    ModelNotFound
        Where there is no such version.
    DeploymentError
        Where the version has no proof that its compiled SQL scores as it should in this engine.
    InvalidArgument
        For a strategy or traffic that this release cannot give.
    """
    checked_name(alias, "alias")
    if strategy != "immediate":
        raise InvalidArgument(f"strategy => {strategy!r} is unknown; this release knows 'immediate'")
    if not isinstance(traffic, (int, float)) or not math.isclose(traffic, 1.0):
        raise InvalidArgument(f"traffic => {traffic!r}: an immediate deploy takes all traffic, which is 1.0")
    if isinstance(version, bool) or not isinstance(version, int):
        raise InvalidArgument(f"version => {version!r} is not the number of a version")
    address = resolve(engine, f"{checked_name(model)}@{version}")
    run = Run("deploy")
    with engine.transaction() as owner:
        engine.lock(f"model {model}")
        return go_live(owner, run, address, alias, "deploy", reason)


def rollback(engine: Engine, model: str, alias: str = CHAMPION, reason: str | None = None) -> dict[str, Any]:
    """Let an alias name again what it named before the last deploy; again, and it goes one further back.

    Returns
    -------
    ``model, alias, version, previous_version, valid_from``.

    Raises
    ------
    DeploymentError
        Where nothing was live before.
    """
    checked_name(model)
    checked_name(alias, "alias")
    # With the caller's rights: a model that is hidden from the caller is not there.
    resolve(engine, f"{model}@{alias}")
    run = Run("deploy")
    with engine.transaction() as owner:
        engine.lock(f"model {model}")
        stack = deployed_before(owner, model, alias)
        if len(stack) < 2:
            raise DeploymentError(
                f"nothing was deployed as {model}@{alias} before version {stack[0]}, so there is nothing to roll back "
                "to; deploy another version instead"
            )
        return go_live(owner, run, Address(model, stack[-2]), alias, "rollback", reason)


def go_live(
    session: Session, run: Run, address: Address, alias: str, action: str, reason: str | None, parent: str | None = None
) -> dict[str, Any]:
    """Change what an alias names, inside the caller's transaction: history, compiled routines and run together."""
    now = current(session, address.model, alias)
    previous = now["version"] if now else None
    answer = {"model": address.model, "alias": alias, "version": address.version, "previous_version": previous}
    if now and previous == address.version:
        if alias == CHAMPION:
            create_live_routines(session, address)
        return answer | {"valid_from": now["valid_from"]}
    if alias == CHAMPION:
        create_live_routines(session, address)
    role = "champion" if alias == CHAMPION else "challenger"
    begins = record(session, Deployment(alias, address, action, reason, run.run_id, role=role))
    finish_run(session, run, address.model, address.version, parent_run_id=parent)
    return answer | {"valid_from": begins}
