"""Which predictions a run of monitoring looks at: where they are kept, the window of time, and its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from sqlml.engine import Engine
from sqlml.errors import InvalidArgument, InvalidData
from sqlml.measure.formula import by_bytes, quoted
from sqlml.measure.subset import all_of, timestamp
from sqlml.registry.monitoring import Window
from sqlml.registry.prediction_table import lacking_columns
from sqlml.registry.queries import query

PASSED = ("sqlml_key", "sqlml_event_time")
"""The columns of a window that say which prediction it is."""


@dataclass(frozen=True)
class PredictionTable:
    """A table in which predictions of a model are kept, and its key."""

    table: exp.Table
    key: str


def prediction_tables(engine: Engine, model: str) -> tuple[list[PredictionTable], list[str]]:
    """Where predictions of a model are kept, and what is to be said of tables that are left out.

    A table of somebody else is left out where it is gone, where the caller may not read it, or where reading it could
    run code of others: whoever may score could stop the monitoring of a model otherwise.

    Raises
    ------
    InvalidData
        Where they are kept nowhere else.
    """
    found, left_out = [], []
    for relation, key, _ in engine.rows(query("prediction_tables"), {"model": model}):
        table = engine.table_at(relation)
        obstacle = engine.unreadable(table) or _danger(engine, table) or _defect(engine, table, key)
        if obstacle is None:
            found.append(PredictionTable(table, key))
        else:
            left_out.append(f"prediction table {relation!r} of model {model!r} is left out: {obstacle}")
    if not found:
        raise InvalidData(
            "; ".join([*left_out, f"the predictions of model {model!r} are kept nowhere that you can read"])
            + f": CALL sqlml.score({model!r}, relation, into => 'predictions', key_column => 'id') keeps them in a "
            "table, which is monitored"
        )
    return found, left_out


def _danger(engine: Engine, table: exp.Table) -> str | None:
    code = engine.code_of_others(table)
    return code and f"reading it could run code with your rights: {code}. Let its owner monitor the model"


def _defect(engine: Engine, table: exp.Table, key: str) -> str | None:
    lacking = lacking_columns(engine, table, key)
    return f"it lacks {', '.join(lacking)}" if lacking else None


def asked_window(
    engine: Engine,
    model: str,
    tables: Sequence[PredictionTable],
    given: tuple[datetime | None, datetime | None],
    newest: datetime | None,
) -> Window | None:
    """The window that was asked for; None where it is the default one and there is nothing new.

    Raises
    ------
    InvalidArgument
        Where it would end before it starts.
    """
    every = _every_prediction(model, tables).subquery("every_prediction", copy=False)
    times = exp.select(exp.Min(this=exp.column("sqlml_time")), exp.Max(this=exp.column("sqlml_time"))).from_(every)
    first, last = engine.rows(times.sql(engine.dialect))[0]
    start = given[0] or newest or first
    end = given[1] or (None if last is None else last + timedelta(microseconds=1))
    if start is None or end is None or (given == (None, None) and start >= end):
        return None
    if start >= end:
        raise InvalidArgument(
            f"the window would end at {end}, and start at {start}, not before that; window_end must be after "
            "window_start" + ("" if given[0] else ", which is by default the end of the last monitored window")
        )
    return Window(start, end)


def predictions_within(model: str, tables: Sequence[PredictionTable], window: Window) -> exp.Select:
    """The predictions of a window: :data:`PASSED`, ``version, prediction, label, features``.

    What is measured of a window takes many statements, and between two of them others may score or delete rows. So this
    is to be read once, into a copy. The features stay the text that they are: parsed, wide ones take minutes to read.
    """
    time = exp.column("sqlml_time")
    inside = [time >= timestamp(window.start), time.copy() < timestamp(window.end)]
    every = _every_prediction(model, tables).subquery("every_prediction", copy=False)
    return exp.select(*PASSED, "version", "prediction", "label", "features").from_(every).where(*inside)


def _every_prediction(model: str, tables: Sequence[PredictionTable]) -> exp.Query:
    """The predictions of a model in all of its tables, with ``sqlml_time``, the time that puts them into a window."""
    parts = []
    for kept in tables:
        time = exp.func("coalesce", exp.column("event_time"), exp.column("predicted_at"))
        columns: list[exp.Expr] = [
            by_bytes(exp.cast(quoted(kept.key), "VARCHAR")).as_("sqlml_key"),
            exp.cast(exp.column("event_time"), "TIMESTAMP").as_("sqlml_event_time"),
            exp.cast(time, "TIMESTAMP").as_("sqlml_time"),
            *[exp.column(name) for name in ("version", "prediction", "label", "features")],
        ]
        of_model = exp.column("model").eq(exp.Literal.string(model))
        parts.append(exp.select(*columns).from_(kept.table).where(of_model))
    return all_of(parts)
