"""Checks that look at a relation as a whole: a type, the latest time, the number of rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.check_subject import Subject, number_text, text_of
from sqlml.measure.formula import formula, source
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, expression, number, same, select

HISTORY_WINDOWS = 30
"""How many windows before the one under test are its history."""

LEAST_WINDOWS = 8
"""The default of ``least_windows``: of fewer counts the median absolute deviation says little."""

MAX_Z = 3.5
"""The limit of B. Iglewicz and D. Hoaglin, "How to detect and handle outliers" (1993), for the robust z."""

_FAMILIES = {
    "duckdb": {
        "boolean": ("boolean",),
        "integer": (
            *("tinyint", "smallint", "integer", "bigint", "hugeint"),
            *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
        ),
        "number": ("float", "double", "decimal"),
        "text": ("varchar", "enum"),
        "date": ("date",),
        "timestamp": ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"),
    },
    "postgres": {
        "boolean": ("boolout",),
        "integer": ("int2out", "int4out", "int8out"),
        "number": ("float4out", "float8out", "numeric_out"),
        "text": ("textout", "varcharout", "bpcharout", "enum_out"),
        "date": ("date_out",),
        "timestamp": ("timestamp_out",),
    },
}
"""By dialect and logical type the types of the engine that are one: in DuckDB by their names, in PostgreSQL by what
writes their values, which is the same for all enums, for a domain and the type under it, and for citext and text."""

_ACCEPTED = {"number": ("integer", "number")}
"""The logical types that are good enough for another; every other type is so for itself only."""


def has_type(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """The type of the column in the first row, which is that of all rows: a logical one, or one of the engine's own."""
    families, type_ = _FAMILIES[subject.dialect], parameters["type"]
    logical = exp.case()
    for name_, members in families.items():
        known = exp.In(this=exp.column("family"), expressions=[exp.Literal.string(each) for each in members])
        logical = logical.when(known, exp.Literal.string(name_))
    accepted = [exp.Literal.string(each) for each in _ACCEPTED.get(type_, (type_,))]
    passes: exp.Expr = exp.In(this=exp.column("actual"), expressions=accepted)
    if type_ not in families:
        passes = exp.or_(passes, formula("SPLIT_PART(actual, '(', 1) = type", type=exp.Literal.string(type_)))
    actual = logical.else_(exp.column("type")) if type_ in families else exp.column("type")
    measured: Columns = {
        "skipped": "n = 0",
        "passes": passes,
        "actual": "COALESCE(actual, 'no rows')",
        **_NO_ROWS,
    }
    return {
        **_first_type(subject),
        "found": select({"n": "COUNT(*)", "actual": exp.Min(this=actual)}, "named"),
        "measured": select(measured, "found"),
    }


def _first_type(subject: Subject) -> Steps:
    """``named``: of the first row the ``type`` of the column as the engine writes it, and its ``family``."""
    in_duckdb = subject.dialect == "duckdb"
    found = exp.Anonymous(this="TYPEOF" if in_duckdb else "PG_TYPEOF", expressions=[subject.column])
    family = "LOWER(SPLIT_PART(CAST(first.type AS TEXT), '(', 1))" if in_duckdb else "prosrc"
    named = select({"type": "LOWER(CAST(first.type AS TEXT))", "family": family}, "first")
    if not in_duckdb:
        named = named.join("pg_catalog.pg_type", on="pg_type.oid = first.type", dialect="postgres")
        named = named.join("pg_catalog.pg_proc", on="pg_proc.oid = typoutput", dialect="postgres")
    return {"first": select({"type": found}, subject.rows).limit(1), "named": named}


def type_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return " or ".join(_ACCEPTED.get(parameters["type"], (parameters["type"],)))


_NO_ROWS: Columns = {"failing_rows": "CAST(NULL AS BIGINT)", "sample": "'[]'"}


def is_fresh(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """The latest time up to now against now less the age. A time after now would hide that rows stopped coming."""
    now = _needed(subject.now)
    time = exp.cast(subject.column, "TIMESTAMP")
    past = exp.case().when(exp.LTE(this=time, expression=_timestamp(now)), time.copy())
    oldest = _timestamp(now - parameters["max_age"])
    latest = formula("CONCAT('latest is ', t)", t=text_of(exp.column("latest")))
    measured: Columns = {
        "skipped": "n = 0",
        "passes": formula("COALESCE(latest >= oldest, FALSE)", oldest=oldest),
        "actual": exp.case().when(expression("latest IS NULL"), exp.Literal.string("no time up to now")).else_(latest),
        **_NO_ROWS,
    }
    return {
        "found": select({"n": "COUNT(*)", "latest": exp.Max(this=past)}, subject.rows),
        "measured": select(measured, "found"),
    }


def freshness_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return f"a time at most {duration_text(parameters['max_age'])} ago"


def duration_text(age: timedelta) -> str:
    """A duration in its largest whole unit.

    >>> duration_text(timedelta(hours=48)), duration_text(timedelta(minutes=90)), duration_text(timedelta(hours=1))
    ('2 days', '90 minutes', '1 hour')
    """
    seconds = int(age.total_seconds())
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    unit, size = next((unit, size) for unit, size in units if seconds % size == 0)
    return f"{seconds // size} {unit}{'' if seconds == size else 's'}"


def row_count(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """The number of rows against bounds, and against the counts of earlier windows where that is asked for."""
    bounds: list[exp.Expr] = [exp.true()]
    for key, comparison in (("min", exp.GTE), ("max", exp.LTE)):
        if parameters.get(key) is not None:
            bounds.append(comparison(this=exp.column("n"), expression=exp.Literal.number(parameters[key])))
    judged: Columns = {**same("n", "windows", "median"), "bounded": exp.and_(*bounds), "z": "ABS(n - median) / spread"}
    against_history = parameters.get("max_z") is not None
    return {
        **_counts(subject, parameters),
        "middle": select({"windows": "COUNT(n)", "median": _median("n")}, "earlier"),
        "spreads": select({"spread": _spread()}, "earlier", beside="middle"),
        "judged": select(judged, "counted", beside="middle").join("spreads", join_type="cross"),
        "measured": select(_near(parameters) if against_history else _bounded(), "judged"),
    }


def _bounded() -> Columns:
    actual = expression("CONCAT(CAST(n AS TEXT), ' rows')")
    return {"skipped": exp.false(), "passes": "bounded", "actual": actual, **_NO_ROWS}


def _near(parameters: Mapping[str, Any]) -> Columns:
    """A count out of bounds fails whatever its history; one within them is skipped where there is too little of it."""
    least = exp.Literal.number(parameters["least_windows"])
    text = "CONCAT(CAST(n AS TEXT), ' rows; median of ', CAST(windows AS TEXT), ' earlier windows: ', middle)"
    middle = exp.Coalesce(this=number_text(exp.column("median")), expressions=[exp.Literal.string("none")])
    return {
        "skipped": formula("bounded AND windows < least", least=least),
        "passes": formula("bounded AND COALESCE(z, 0e0) <= max_z", max_z=number(parameters["max_z"])),
        "actual": formula(text, middle=middle),
        **_NO_ROWS,
    }


def _median(of: str) -> exp.Expr:
    return formula("PERCENTILE_CONT(0.5e0) WITHIN GROUP (ORDER BY x)", x=expression(of))


def _spread() -> exp.Expr:
    """A count has at least the noise of a Poisson count, also where all earlier ones happen to be equal."""
    deviation = formula("1.4826e0 * mad", mad=_median("ABS(n - median)"))
    return formula("GREATEST(deviation, SQRT(MIN(median)), 1e0)", deviation=deviation)


def _counts(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """``counted``: the number of rows under test; ``earlier``: those of earlier windows, without it."""
    if parameters.get("every"):
        return _counts_by_time(subject, parameters["every"])
    counted = select({"n": "COUNT(*)"}, subject.rows)
    if subject.history is not None:
        return {"counted": counted, "earlier": select({"n": _double("n")}, source(subject.history))}
    none = exp.select(exp.alias_(exp.cast(exp.null(), "DOUBLE"), "n")).where(exp.false())
    return {"counted": counted, "earlier": none}


def _counts_by_time(subject: Subject, every: str) -> Steps:
    """The rows of the last whole window before now, and of those before it in which there are rows."""
    now = _needed(subject.now)
    first, start, end = (window_start(now, every, back) for back in (HISTORY_WINDOWS + 1, 1, 0))
    time = exp.cast(subject.column, "TIMESTAMP")
    timed: Columns = {
        "period": exp.TimestampTrunc(this=time.copy(), unit=exp.var(every.upper())),
        "tested": exp.GTE(this=time.copy(), expression=_timestamp(start)),
    }
    since = exp.GTE(this=time.copy(), expression=_timestamp(first))
    until = exp.LT(this=time, expression=_timestamp(end))
    return {
        "timed": select(timed, subject.rows, where=[since, until]),
        "counted": select({"n": "COUNT(*)"}, "timed", where=["tested"]),
        "earlier": select({"n": exp.cast(expression("COUNT(*)"), "DOUBLE")}, "timed", where=["NOT tested"]).group_by(
            "period"
        ),
    }


def _double(column: str) -> exp.Expr:
    return exp.cast(exp.column(column), "DOUBLE")


def window_start(time: datetime, every: str, back: int = 0) -> datetime:
    """The start of the window in which a time lies, or of the one that many windows before; weeks begin on Monday.

    >>> window_start(datetime(2024, 3, 14, 15, 9), "month", back=1)
    datetime.datetime(2024, 2, 1, 0, 0)
    """
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "hour":
        return day.replace(hour=time.hour) - timedelta(hours=back)
    if every == "day":
        return day - timedelta(days=back)
    if every == "week":
        return day - timedelta(days=day.weekday(), weeks=back)
    months = day.year * 12 + day.month - 1 - back
    return day.replace(year=months // 12, month=months % 12 + 1, day=1)


def _timestamp(time: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(time.isoformat(sep=" ")), "TIMESTAMP")


def _needed(now: datetime | None) -> datetime:
    """The time of a check that cannot do without; :func:`sqlml.measure.check.check_select` has asked for it."""
    if now is None:
        raise InvalidArgument("a check of times needs the time now; give now")
    return now


def row_count_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    low, high = parameters.get("min"), parameters.get("max")
    parts = [f"at least {low} rows"] if low is not None else []
    parts += [f"at most {high} rows"] if high is not None else []
    if parameters.get("max_z") is not None:
        least = parameters["least_windows"]
        parts.append(f"a robust z of at most {parameters['max_z']:g} against {least} or more earlier windows")
    every = parameters.get("every")
    return ", ".join(parts) + (f", for the last whole {every}" if every else "")
