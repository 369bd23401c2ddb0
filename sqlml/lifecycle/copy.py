"""Move a version from one database to another, of the same engine or of the other one."""

from __future__ import annotations

from typing import Any

from sqlml.engine import Engine, Session
from sqlml.errors import InvalidArgument, InvalidData
from sqlml.lifecycle.deploy import CHAMPION, go_live
from sqlml.lifecycle.monitored import typed_rows
from sqlml.registry.compiled import compile_and_prove
from sqlml.registry.deployment import current
from sqlml.registry.model import Address, known_task_and_target, load, next_version, resolve
from sqlml.registry.reference import of_version
from sqlml.registry.run import Run, finish_run
from sqlml.registry.transfer import Rows, add_exported, exported, version_with_artifact
from sqlml.spec import Model


def copy_version(source: Engine, target: Engine, model: str, deploy: bool = True) -> dict[str, Any]:
    """Bring a version of a model into another database, and put it live there.

    ``model`` is an address in the source: ``model``, ``model@alias`` or ``model@version``. The artifact is the same to
    the last byte. Its compiled SQL is made for the target and proved there, bit by bit, on the held-out rows that
    were kept with the version. It gets the next free number of the target; what was measured at training, its
    reference profile, and the run that trained it go along. A version that the target has already is not written
    again. All is written in one transaction.

    Returns
    -------
    ``model, version, source_version, artifact_hash, deployed, run_id``.

    Raises
    ------
    ModelNotFound
        Where the source has no such version.
    InvalidArgument
        Where the target has a model of this name that predicts something else.
    InvalidData
        Where no held-out rows were kept with the version.
    ParityError
        Where the compiled SQL and the kernel differ in the target.
    """
    run = Run("copy")
    address = resolve(source, model)
    spec, digest = load(source, address)
    rows = exported(source, address)
    with target.transaction() as owner:
        target.lock(f"model {address.model}")
        _refuse_another_purpose(owner, rows, address.model)
        number = version_with_artifact(owner, address.model, digest)
        copied = Address(address.model, number or next_version(owner, address.model))
        if number is None:
            _write_down(owner, rows, spec, copied, f"copied from {source.name}, where it was {address}")
        live = current(owner, address.model, CHAMPION)
        goes_live = deploy and (live is None or live["version"] != copied.version)
        if number is None or goes_live:
            finish_run(owner, run, copied.model, copied.version, rows_in=len(rows["reference_row"]))
        if goes_live:
            reason = f"copied from {source.name} {address}"
            go_live(owner, Run("deploy"), copied, CHAMPION, "deploy", reason, parent=run.run_id)
    return {
        "model": copied.model,
        "version": copied.version,
        "source_version": address.version,
        "artifact_hash": digest,
        "deployed": goes_live,
        "run_id": run.run_id if number is None or goes_live else None,
    }


def _refuse_another_purpose(session: Session, rows: Rows, model: str) -> None:
    """A name must go on answering the question that it answers."""
    known = known_task_and_target(session, model)
    (given,) = rows["model"].select(["task", "target"]).to_pylist()
    if known is not None and known != (given["task"], given["target"]):
        raise InvalidArgument(
            f"the target database has a model {model!r} that predicts {known[1]!r} ({known[0]}), and this one predicts "
            f"{given['target']!r} ({given['task']}); train it under another name"
        )


def _write_down(session: Session, rows: Rows, spec: Model, address: Address, note: str) -> None:
    if not len(rows["reference_row"]):
        raise InvalidData(
            f"no held-out rows were kept with {address.model}@{rows['model_version'].column('version')[0]}, so its "
            "compiled SQL cannot be proved in another database; train it again with this release"
        )
    add_exported(session, rows, address, note)
    held_out = session.arrow(typed_rows(session, spec, of_version("reference_row", address)).sql(session.dialect))
    compile_and_prove(session, address, spec, held_out.select([column.name for column in spec.columns]))
