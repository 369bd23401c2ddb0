"""What really happened, by the key of the prediction: appended, never changed."""

from __future__ import annotations

from datetime import datetime

import sqlglot
from sqlglot import exp

from sqlml.engine import Session
from sqlml.measure.subset import expression
from sqlml.registry.queries import query


def latest_truth(session: Session, keys: exp.Query) -> exp.Query:
    """A SELECT of ``key, event_time, value``: the truth observed last of each key and event time of ``$model``.

    ``keys`` is a SELECT of the keys that are asked about, as text.
    """
    latest = sqlglot.parse_one(query("latest_truth"), dialect=session.dialect, into=exp.Select)
    selects = [known.parent_select for known in latest.find_all(exp.Table)]
    for select in filter(None, selects):
        select.where(_among(keys), copy=False)
    return latest


def _among(keys: exp.Query) -> exp.Expr:
    return exp.column("key").isin(query=keys.copy())


def has_truth(session: Session, model: str) -> bool:
    """Whether any truth was ever recorded for a model."""
    return bool(session.rows(query("has_truth"), {"model": model})[0][0])


def append_truth(
    session: Session, truths: exp.Table, model: str, source: str, run_id: str, recorded_at: datetime
) -> int:
    """Write down what is not known yet; gives the number of rows added.

    ``truths`` has ``key, value, event_time, observed_at``. A row adds nothing where the value known just before it, or
    at the same time, is the same: so the same rows can be given again, and a value that changes back is news again.
    """
    known = exp.select("key", "value", "event_time", "observed_at", "recorded_at", exp.false().as_("is_new"))
    known = known.from_(exp.table_("ground_truth", db="sqlml")).where("model = $model", dialect=session.dialect)
    known = known.where(_among(exp.select("key").from_(truths)))
    now = exp.cast(exp.Literal.string(recorded_at.isoformat(sep=" ")), "TIMESTAMP")
    new = exp.select("key", "value", "event_time", "observed_at", now.as_("recorded_at"), exp.true().as_("is_new"))
    before = expression("LAG(value) OVER (PARTITION BY key, event_time ORDER BY observed_at, is_new, recorded_at)")
    every = exp.union(known, new.from_(truths), distinct=False).subquery("every_truth")
    ordered = exp.select("*", before.as_("value_before")).from_(every)
    added = (
        exp.select(
            exp.Literal.string(model).as_("model"),
            *("key", "value", "event_time", "observed_at"),
            exp.Literal.string(source).as_("source"),
            exp.Literal.string(run_id).as_("run_id"),
            "recorded_at",
        )
        .from_(ordered.subquery("ordered"))
        .where(expression("is_new AND value IS DISTINCT FROM value_before"))
    )
    columns = [exp.to_identifier(name) for name in added.named_selects]
    with session.materialized(added, {"model": model}) as rows:
        insert = exp.insert(exp.select(*columns).from_(rows), exp.table_("ground_truth", db="sqlml"), columns=columns)
        session.execute(insert.sql(session.dialect))
        return int(session.rows(exp.select(exp.Count(this=exp.Star())).from_(rows).sql(session.dialect))[0][0])
