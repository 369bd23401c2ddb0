"""The plain-SQL form of a version: made, proved against the kernel on real rows, and put live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from sqlml.compile.compiled import created_routines, script
from sqlml.compile.lists import tree_lists
from sqlml.compile.routine import LAYOUTS_IN_TABLES, dispatchers, dispatchers_lock, raw_score_calls, routines
from sqlml.engine import Session
from sqlml.errors import DeploymentError, ParityError
from sqlml.kernel.scorer import scorer
from sqlml.registry.deployment import current
from sqlml.registry.model import Address
from sqlml.registry.queries import query
from sqlml.registry.routine import COMPILED, record_routines, text_hash
from sqlml.registry.run import utc_now
from sqlml.spec import Model

ROWS_COMPARED = 10_000
"""At most this many held-out rows are scored both ways."""


@dataclass(frozen=True)
class Compiled:
    """The statements that create the routines of a version, and their layout."""

    sql: str
    layout: str

    @property
    def creates(self) -> tuple[str, ...]:
        """The routines that the statements create, as the catalog names them."""
        return created_routines(self.sql)


def compile_and_prove(session: Session, address: Address, model: Model, rows: pa.Table) -> None:
    """Compile a version, score real rows both ways, and write the SQL and its proof down.

    Raises
    ------
    ParityError
        Where a raw score differs in a single bit; nothing is kept then, as the caller's transaction ends.
    """
    made = routines(session.dialect, address.model, address.version, model)
    compiled = Compiled(script(made), made[0].layout)
    lists = tree_lists(model) if compiled.layout in LAYOUTS_IN_TABLES else None
    if lists is not None:
        _add_lists(session, address, lists)
    sample = rows.slice(0, ROWS_COMPARED)
    kept = Compiled(script(tuple(routine for routine in made if routine.scope == "version")), compiled.layout)
    _create(session, kept if kept.sql else compiled)
    in_sql = _raw_scores(session, address, model, sample)
    if kept.sql:
        record_routines(session, kept.creates, f"{COMPILED}{address}", text_hash(compiled.sql))
    else:
        _restore_live(session, address, compiled)
    in_kernel = scorer(model).raw_rows({name: sample.column(name) for name in sample.column_names})
    difference = max(largest_difference(in_kernel, scores) for scores in in_sql)
    if difference != 0.0:
        raise ParityError(
            f"the compiled SQL of {address} and its kernel differ by up to {difference:g} on {len(sample)} rows; "
            "the version was not kept. Please report this with the hyperparameters"
        )
    session.execute(
        query("insert_compiled"),
        {
            "model": address.model,
            "version": address.version,
            "dialect": session.dialect,
            "layout": compiled.layout,
            "sql": compiled.sql,
            "sql_hash": text_hash(compiled.sql),
            "max_abs_diff": difference,
            "rows_compared": len(sample),
            "created_at": utc_now(),
        },
    )


def create_live_routines(session: Session, address: Address) -> None:
    """Create ``sqlml.predict_<model>`` and its sisters for the version that goes live.

    Raises
    ------
    DeploymentError
        Where the version has no proof in this engine.
    """
    compiled = _stored(session, address)
    if compiled is None:
        raise DeploymentError(
            f"{address} has no compiled SQL that was proved in {session.name}; train it here, or deploy another version"
        )
    _create(session, compiled)
    record_routines(session, compiled.creates, f"{COMPILED}{address}", text_hash(compiled.sql))
    if not _is_dispatched(session, address.model):
        create_dispatchers(session, address.model)


def create_dispatchers(session: Session, going_live: str | None = None) -> None:
    """Create the routines that answer for every live model, where the engine has any: ``predict(model, features)``.

    ``going_live`` is a model whose deployment is not written down yet. To be run when sqlml is installed, too.
    """
    for statement in dispatchers_lock(session.dialect):
        session.execute(statement)
    compiled = _dispatchers(session, going_live)
    if compiled.sql:
        _create(session, compiled)
        record_routines(session, compiled.creates, COMPILED, text_hash(compiled.sql))


def _is_dispatched(session: Session, going_live: str) -> bool:
    """Whether the dispatchers know this model already, so that nobody has to wait for them to be made anew."""
    expected = text_hash(_dispatchers(session, going_live).sql)
    return session.rows(query("file_hashes"), {"file": COMPILED}) == [(expected,)]


def _dispatchers(session: Session, going_live: str | None) -> Compiled:
    live = {row[0]: row[1] for row in session.rows(query("models")) if row[3] is not None or row[0] == going_live}
    made = dispatchers(session.dialect, live)
    return Compiled(script(made), made[0].layout if made else "")


def largest_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest absolute difference; equal infinities differ by 0, and NaN equals NaN only."""
    if one.shape != other.shape:
        return float("inf")
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    if same.all():
        return 0.0
    return float(np.nan_to_num(np.abs(one[~same] - other[~same]), nan=np.inf).max())


def _stored(session: Session, address: Address) -> Compiled | None:
    key: dict[str, Any] = {"model": address.model, "version": address.version, "dialect": session.dialect}
    found = session.rows(query("compiled"), key)
    return Compiled(*found[0][:2]) if found else None


def _create(session: Session, compiled: Compiled) -> None:
    session.script(compiled.sql)


def _restore_live(session: Session, address: Address, compiled: Compiled) -> None:
    """Take back the routines of a version that is only being proved."""
    live = current(session, address.model, "champion")
    before = _stored(session, Address(address.model, live["version"])) if live else None
    if before is not None:
        _create(session, before)
        return
    for name in reversed(compiled.creates):
        schema, function = name.split(".")
        session.execute(exp.Drop(tables=[exp.table_(function, db=schema)], kind="MACRO").sql(session.dialect))


def _add_lists(session: Session, address: Address, lists: dict[str, Any]) -> None:
    row = {"model": address.model, "version": address.version, **lists}
    columns = {name: pa.array([value], pa.int32() if name == "version" else None) for name, value in row.items()}
    session.append(exp.table_("compiled_trees", db="sqlml"), pa.table(columns))


def _raw_scores(session: Session, address: Address, model: Model, rows: pa.Table) -> list[NDArray[np.float64]]:
    """What the routines of the version give for these rows, in each way of reading a row.

    Each is float64 of shape (rows, outputs).
    """
    # No column of a model begins with sqlml_; where one is called as the row is, its name means the column.
    number, row = "sqlml_number", "sqlml_row"
    numbered = rows.append_column(number, pa.array(np.arange(len(rows))))
    shape = (len(rows), model.estimator.outputs)
    with session.temporary(numbered) as source:
        calls = raw_score_calls(session.dialect, address.model, address.version, exp.column(row))
        named = [call.as_(f"raw_{way}") for way, call in enumerate(calls)]
        select = exp.select(*named).from_(exp.alias_(source, row, table=True)).order_by(exp.column(number, row))
        scored = session.arrow(select.sql(session.dialect))
    return [_doubles(column.combine_chunks()).reshape(shape) for column in scored.columns]


def _doubles(values: pa.Array) -> NDArray[np.float64]:
    flat = values.flatten() if pa.types.is_list(values.type) else values
    doubles: NDArray[np.float64] = flat.to_numpy(zero_copy_only=False)
    return doubles
