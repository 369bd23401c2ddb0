"""Everything that is written down about one version, taken out of one database and put into another."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.registry.model import Address, known_task_and_target
from sqlml.registry.queries import query
from sqlml.registry.reference import of_version

_OF_VERSION = (
    "model_version",
    "metric",
    "trial",
    "reference_profile",
    "reference_count",
    "reference_row",
    "reference_metric",
)
"""The tables whose rows are about one version and hold in any database; compiled SQL is made and proved anew."""

Rows = Mapping[str, pa.Table]


def exported(session: Session, address: Address) -> Rows:
    """By table of schema ``sqlml`` the rows about a version: its model, its training run, and all that was measured."""
    rows = {name: session.arrow(of_version(name, address).sql(session.dialect)) for name in _OF_VERSION}
    run_id = rows["model_version"].column("run_id")[0].as_py()
    of_model = exp.select("*").from_(exp.table_("model", db="sqlml"))
    of_run = exp.select("*").from_(exp.table_("run", db="sqlml"))
    rows["model"] = session.arrow(_where(of_model, "model", address.model).sql(session.dialect))
    rows["run"] = session.arrow(_where(of_run, "run_id", run_id).sql(session.dialect))
    return rows


def add_exported(session: Session, rows: Rows, address: Address, note: str) -> None:
    """Write a version down as ``address``, and its model with the first one; ``note`` joins what is noted about it."""
    if known_task_and_target(session, address.model) is None:
        _append(session, "model", rows["model"])
    (run_id,) = rows["run"].column("run_id").to_pylist()
    if not session.rows(query("known_run"), {"run_id": run_id}):
        _append(session, "run", _as(rows["run"], address))
    for name in _OF_VERSION:
        table = _as(rows[name], address)
        _append(session, name, _with_note(table, note) if name == "model_version" else table)


def version_with_artifact(session: Session, model: str, artifact_hash: str) -> int | None:
    """The first version of a model that has this artifact."""
    found = session.rows(query("version_with_artifact"), {"model": model, "artifact_hash": artifact_hash})
    return int(found[0][0]) if found else None


def _where(select: exp.Select, column: str, value: str) -> exp.Select:
    return select.where(exp.column(column).eq(exp.Literal.string(value)))


def _as(rows: pa.Table, address: Address) -> pa.Table:
    """The rows under the number that the version has where they go."""
    position = rows.column_names.index("version")
    return rows.set_column(position, "version", pa.repeat(pa.scalar(address.version, pa.int32()), len(rows)))


def _with_note(version: pa.Table, note: str) -> pa.Table:
    position = version.column_names.index("notes")
    notes = [json.dumps([*json.loads(text), note], ensure_ascii=False) for text in version.column("notes").to_pylist()]
    return version.set_column(position, "notes", pa.array(notes, pa.string()))


def _append(session: Session, table: str, rows: pa.Table) -> None:
    if len(rows):
        session.append(exp.table_(table, db="sqlml"), rows)
