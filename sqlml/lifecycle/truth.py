"""Write down what really happened, as it becomes known and as it is corrected."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from sqlml.engine import Engine, Session
from sqlml.errors import InvalidData
from sqlml.fit.target import class_codes, target_values
from sqlml.lifecycle.arguments import named_column, refuse_no_time
from sqlml.measure.formula import by_bytes, quoted
from sqlml.registry.model import checked_name, known_task_and_target, unknown_address
from sqlml.registry.queries import query
from sqlml.registry.run import Run, finish_run
from sqlml.registry.truth import append_truth


def record_truth(
    engine: Engine,
    model: str,
    relation: str,
    key_column: str,
    truth_column: str,
    observed_column: str | None = None,
    time_column: str | None = None,
) -> dict[str, Any]:
    """Append the truth of a relation's rows to ``sqlml.ground_truth``.

    A row is about the predictions with its key; with ``time_column``, about those with its key and that event time. It
    was known at the time in ``observed_column``, or now. A row whose value was known by then adds nothing, so the same
    relation can be given again; another value is a correction and becomes a new row. A NULL truth is not known yet and
    is not written. A class is kept in the words of the training data, a number as text.

    Returns
    -------
    ``run_id, rows``: ``rows`` were added.

    Raises
    ------
    ModelNotFound
        Where there is no such model.
    InvalidData
        Where a column is absent, a key or time is NULL, a value is no class that a version of the model knows, or one
        key has two values.
    """
    run = Run("record_truth")
    known = known_task_and_target(engine, checked_name(model))
    if known is None:
        raise unknown_address(engine, model)
    columns = {"key_column": key_column, "truth_column": truth_column}
    optional = {"observed_column": observed_column, "time_column": time_column}
    columns |= {argument: name for argument, name in optional.items() if name is not None}
    with engine.transaction() as owner:
        engine.lock(f"truth of {model}")
        rows = _rows(engine, relation, columns)
        truths = _truths(owner, model, known[0], rows, relation, columns)
        with owner.temporary(truths) as source, owner.materialized(_distinct(source, run)) as distinct:
            _refuse_two_values(owner, distinct, relation, columns)
            added = append_truth(owner, distinct, model, relation, run.run_id, run.started_at)
        finish_run(owner, run, model, None, rows_in=len(rows), rows_out=added)
    return {"run_id": run.run_id, "rows": added}


def _rows(engine: Engine, relation: str, columns: dict[str, str]) -> pa.Table:
    """The rows with a truth: ``key`` as text, ``truth``, ``observed_at`` and ``event_time``, NULL where not given."""
    given = engine.relation(relation)
    empty = engine.arrow(given.select().limit(0).sql(engine.dialect), given.parameters)
    found = {argument: named_column(empty.column_names, argument, name, relation) for argument, name in columns.items()}
    for argument in {"observed_column", "time_column"} & found.keys():
        refuse_no_time(argument, empty.schema.field(found[argument]), relation)
    truth = quoted(found["truth_column"])
    rows = given.select(
        exp.cast(quoted(found["key_column"]), "VARCHAR").as_("key"),
        truth.as_("truth"),
        _time(found.get("observed_column")).as_("observed_at"),
        _time(found.get("time_column")).as_("event_time"),
    ).where(exp.not_(truth.copy().is_(exp.null())))
    return engine.arrow(rows.sql(engine.dialect), given.parameters)


def _time(column: str | None) -> exp.Cast:
    return exp.cast(exp.null() if column is None else quoted(column), "TIMESTAMP")


def _truths(
    session: Session, model: str, task: str, rows: pa.Table, relation: str, columns: dict[str, str]
) -> pa.Table:
    """The rows with ``value``, the truth as text in the words of the model."""
    for argument, part in (("key_column", "key"), ("observed_column", "observed_at"), ("time_column", "event_time")):
        missing = rows.column(part).null_count
        if argument in columns and missing:
            raise InvalidData(
                f"{missing} rows of {relation!r} with a truth have no {columns[argument]!r} ({argument}); leave them "
                "out with WHERE ... IS NOT NULL"
            )
    truth = rows.column("truth").combine_chunks()
    plain = truth.dictionary_decode() if pa.types.is_dictionary(truth.type) else truth
    name = columns["truth_column"]
    if task == "regression":
        value = pc.cast(pa.array(target_values(plain, name)), pa.string())
    else:
        classes = _all_classes(session, model)
        codes = class_codes(plain, classes, name).astype("int64")
        value = pa.array(classes, pa.string()).take(pa.array(codes))
    return rows.drop_columns("truth").append_column("value", value)


def _all_classes(session: Session, model: str) -> tuple[str, ...]:
    """The classes that any version of a model knows, in the order in which they came."""
    lists = [json.loads(row[0]) for row in session.rows(query("class_lists"), {"model": model})]
    return tuple(dict.fromkeys(label for labels in lists for label in labels))


def _distinct(rows: exp.Table, run: Run) -> exp.Select:
    """Each truth once, observed when it says, or at the time of the call."""
    now = exp.cast(exp.Literal.string(run.started_at.isoformat(sep=" ")), "TIMESTAMP")
    observed = exp.func("coalesce", exp.column("observed_at"), now)
    return exp.select("key", "value", "event_time", observed.as_("observed_at")).distinct().from_(rows)


def _refuse_two_values(session: Session, rows: exp.Table, relation: str, columns: dict[str, str]) -> None:
    identity = ["key", "event_time", "observed_at"]
    twice = exp.select("key").from_(rows).group_by(*identity).having("count(*) > 1")
    least = exp.Min(this=by_bytes(exp.column("key")))
    totals = exp.select("count(*)", least).from_(twice.subquery("twice"))
    doubled, example = session.rows(totals.sql(session.dialect))[0]
    if doubled:
        named = [name for argument, name in columns.items() if argument != "truth_column"]
        more = "" if len(named) == 3 else "; where a key stands for several events or was corrected, name time_column"
        raise InvalidData(
            f"{doubled} values of {' and '.join(map(repr, named))} have two different {columns['truth_column']!r} in "
            f"{relation!r}, for example key {example!r}; keep the one that holds"
            + (more + " or observed_column" if more else "")
        )
