"""Models and their versions: who is meant by a name, and what a version holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlml.engine import Session
from sqlml.errors import InvalidName, InvalidSpec, ModelNotFound
from sqlml.fit.names import unknown_name
from sqlml.registry.queries import query
from sqlml.spec import Model, artifact_hash, from_json, to_json

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_TAKEN = ("label_", "proba_")
"""``predict_label_x`` is a routine of model ``x``, so no model may be called ``label_x``, nor ``label``."""


@dataclass(frozen=True)
class Address:
    """A version of a model, as found from ``model``, ``model@alias`` or ``model@version``."""

    model: str
    version: int

    def __str__(self) -> str:
        return f"{self.model}@{self.version}"


@dataclass(frozen=True)
class NewVersion:
    """Everything that is written down about a version when it is made."""

    model: str
    run_id: str
    spec: Model
    target: str
    algorithm: str
    hyperparams: dict[str, Any]
    preprocess: dict[str, Any]
    split: dict[str, Any]
    roles: dict[str, Any]
    training_relation: str
    training_sql: str
    dataset_digest: str
    rows_trained: int
    seed: int
    library_versions: dict[str, str]
    notes: tuple[str, ...]
    created_at: datetime
    created_by: str


def checked_name(name: object, what: str = "model") -> str:
    """The name itself, where it keeps to the rule.

    Raises
    ------
    InvalidName
        Where it is not ``[a-z][a-z0-9_]{0,47}``, or would be taken for a routine of another model.

    >>> checked_name("flight_late")
    'flight_late'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidName(
            f"{what} => {name!r} is not a name: use a lower-case letter, then up to 47 lower-case letters, digits or _"
        )
    if f"{name}_" in _TAKEN:
        raise InvalidName(f"{what} => {name!r}: predict_{name} answers for every model; use another name")
    if name.startswith(_TAKEN):
        raise InvalidName(f"{what} => {name!r} begins with {' or '.join(_TAKEN)}, which the routines of a model use")
    return name


def resolve(session: Session, address: object) -> Address:
    """The version that an address names right now.

    Raises
    ------
    InvalidName
        Where the address cannot name a model.
    ModelNotFound
        Where there is no such model, version or alias; the message lists those that there are.
    """
    if not isinstance(address, str):
        raise InvalidName(f"model => {address!r} is not a name: write 'model', 'model@alias' or 'model@version'")
    found = session.rows(query("addressed_version"), {"address": address})
    if found:
        return Address(*found[0])
    raise unknown_address(session, address)


def unknown_address(session: Session, address: str) -> ModelNotFound | InvalidName:
    """The error for an address that names nothing, with what could have been meant."""
    model, at, rest = address.partition("@")
    if not _NAME.fullmatch(model) or (at and not rest):
        return InvalidName(f"{address!r} is not the name of a model: write 'model', 'model@alias' or 'model@version'")
    names = [str(row[0]) for row in session.rows(query("model_names"))]
    if model not in names:
        return ModelNotFound(
            f"there is no model {model!r}; {unknown_name(model, names)}. "
            f"CALL sqlml.train(model => {model!r}, ...) makes one"
        )
    versions = ", ".join(str(row[0]) for row in session.rows(query("version_numbers"), {"model": model}))
    aliases = ", ".join(str(row[0]) for row in session.rows(query("aliases"), {"model": model}))
    if not rest:
        return ModelNotFound(
            f"model {model!r} is not live: no version is deployed. Versions are {versions}: "
            f"CALL sqlml.deploy({model!r}, <version>), or ask {model}@<version>"
        )
    return ModelNotFound(
        f"model {model!r} has no version or alias {rest!r}; versions are {versions}, aliases are {aliases or 'none'}"
    )


def load(session: Session, address: Address) -> tuple[Model, str]:
    """The fitted model of a version, and its artifact hash.

    Raises
    ------
    InvalidSpec
        Where the stored text is not what was stored.
    """
    found = session.rows(query("artifact"), {"model": address.model, "version": address.version})
    if not found:
        raise unknown_address(session, str(address))
    text, recorded = found[0]
    if artifact_hash(text) != recorded:
        raise InvalidSpec(f"the artifact of {address} was changed after it was stored; deploy another version")
    return from_json(text), recorded


def facts(session: Session, address: Address) -> dict[str, Any]:
    """What was written down about a version, JSON columns parsed, without the artifact."""
    table = session.arrow(query("version_facts"), {"model": address.model, "version": address.version})
    row: dict[str, Any] = table.to_pylist()[0]
    for name in ("hyperparams", "preprocess", "split", "roles", "classes", "library_versions", "notes"):
        row[name] = json.loads(row[name])
    return row


def known_task_and_target(session: Session, model: str) -> tuple[str, str] | None:
    """The task and target of a model, None where the name is new."""
    found = session.rows(query("model"), {"model": model})
    return (found[0][1], found[0][2]) if found else None


def next_version(session: Session, model: str) -> int:
    """The number that the next version of a model gets; ask inside the transaction that uses it."""
    return max((int(row[0]) for row in session.rows(query("version_numbers"), {"model": model})), default=0) + 1


def add_version(session: Session, new: NewVersion, version: int) -> Address:
    """Write a version down, and the model with its first one."""
    if known_task_and_target(session, new.model) is None:
        session.execute(
            query("insert_model"),
            {
                "model": new.model,
                "task": new.spec.task,
                "target": new.target,
                "owner": new.created_by,
                "created_at": new.created_at,
            },
        )
    artifact = to_json(new.spec)
    session.execute(
        query("insert_version"),
        {
            "model": new.model,
            "version": version,
            "run_id": new.run_id,
            "algorithm": new.algorithm,
            "hyperparams": _json(new.hyperparams),
            "preprocess": _json(new.preprocess),
            "split": _json(new.split),
            "roles": _json(new.roles),
            "signature": _json([{"name": column.name, "type": column.type} for column in new.spec.columns]),
            "classes": _json(list(new.spec.classes)),
            "artifact_hash": artifact_hash(artifact),
            "artifact": artifact,
            "training_relation": new.training_relation,
            "training_sql": new.training_sql,
            "dataset_digest": new.dataset_digest,
            "rows_trained": new.rows_trained,
            "seed": new.seed,
            "library_versions": _json(new.library_versions),
            "notes": _json(list(new.notes)),
            "created_at": new.created_at,
            "created_by": new.created_by,
        },
    )
    return Address(new.model, version)


def _json(value: Any) -> str:
    """JSON in one form, with letters of all scripts as they are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
