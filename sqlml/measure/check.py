"""Data checks: what a relation must be like, and a SELECT that says whether it is.

Every check is one of :data:`CHECKS`; :func:`sqlml.measure.check_suite.suite_of` reads a suite of them from JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure import check_relation, check_rows
from sqlml.measure.check_subject import Subject
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, chain, require_dialect, select

SEVERITIES = {"error": "fail", "warn": "warn"}
"""By severity of a check the status of a relation that does not pass it."""


@dataclass(frozen=True)
class Check:
    """One check of a suite: which, of what columns, how strict, and how bad it is where it does not pass.

    ``parameters`` are those of its kind, complete and valid, as :func:`sqlml.measure.check_suite.suite_of` gives them.
    ``key`` names a column whose values tell the failing rows apart in the sample; else the failing values are shown.
    """

    name: str
    columns: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    severity: str = "error"
    key: str | None = None

    def columns_read(self) -> tuple[str, ...]:
        """All columns that the relation must have."""
        return tuple(dict.fromkeys((*self.columns, *(() if self.key is None else (self.key,)))))


@dataclass(frozen=True)
class CheckKind:
    """A kind of check.

    ``subject`` says what it is about: ``column`` (one), ``columns`` (one or more), ``either`` (one or none, then the
    whole relation). ``parameters`` are the keys of its entry in a suite beside that, with what each means; ``nulls``
    says what becomes of NULL. ``expected`` puts a check in words. ``steps`` ends in ``measured``, one row of
    ``skipped``, ``passes``, ``actual``, ``failing_rows`` and ``sample``.
    """

    name: str
    subject: str
    parameters: Mapping[str, str]
    definition: str
    nulls: str
    expected: Callable[[Mapping[str, Any]], str]
    steps: Callable[[Subject, Mapping[str, Any]], Steps]


_SHARE = "the greatest share of rows that may fail, from 0 to 1; default 0"

CHECKS: tuple[CheckKind, ...] = (
    CheckKind(
        "not_null",
        "column",
        {"max_share": _SHARE},
        "the column is not NULL",
        "a NULL fails; NaN is not NULL, the check range finds it",
        check_rows.not_null_expected,
        check_rows.not_null,
    ),
    CheckKind(
        "unique",
        "columns",
        {},
        "no two rows have the same values in these columns; every row that shares them fails",
        "a row with a NULL in one of the columns is left out, as a UNIQUE constraint does",
        check_rows.unique_expected,
        check_rows.unique,
    ),
    CheckKind(
        "range",
        "column",
        {
            "min": "the least value: a number, or a date or time as ISO text; default none",
            "max": "the greatest value, likewise; one of the two must be given",
            "max_share": _SHARE,
        },
        "the column is between min and max, both included",
        "a NULL is left out; NaN fails",
        check_rows.range_expected,
        check_rows.in_range,
    ),
    CheckKind(
        "allowed_values",
        "column",
        {"values": "the values, an array of texts, numbers, true and false", "max_share": _SHARE},
        "the column is one of the values; a text matches exactly, a number also where the column is a text or decimal",
        "a NULL is left out",
        check_rows.allowed_expected,
        check_rows.allowed_values,
    ),
    CheckKind(
        "type",
        "column",
        {
            "type": "boolean, integer, number, text, date or timestamp, where a number may also be an integer, and "
            "a text an enum; or the name that the engine itself has for a type"
        },
        "the column has this type in the relation; a domain is also of the type under it",
        "values are not looked at; a relation without rows is skipped",
        check_relation.type_expected,
        check_relation.has_type,
    ),
    CheckKind(
        "format",
        "column",
        {
            "class": "email, uuid, iso_date, iso_timestamp, integer or number",
            "pattern": "instead of a class: a regular expression for the whole text, as far as both engines share it",
            "max_share": _SHARE,
        },
        "the text of the column has the format",
        "a NULL is left out",
        check_rows.format_expected,
        check_rows.has_format,
    ),
    CheckKind(
        "sentinel",
        "column",
        {"values": "what stands for a missing value, such as -1, 999, '', 'N/A', '1900-01-01'", "max_share": _SHARE},
        "the column is none of the values; a number matches whatever the type, a date also at midnight of a timestamp",
        "a NULL is no sentinel; shares are of all rows",
        check_rows.sentinel_expected,
        check_rows.no_sentinel,
    ),
    CheckKind(
        "freshness",
        "column",
        {"max_age": "how old the latest time may be, such as '90 minutes', '36 hours', '2 days', '1 week'"},
        "the latest time in the column, of those not after now, is at most this old",
        "a NULL is left out; rows without any time up to now fail",
        check_relation.freshness_expected,
        check_relation.is_fresh,
    ),
    CheckKind(
        "row_count",
        "either",
        {
            "min": "the least number of rows; default none",
            "max": "the greatest number of rows; default none",
            "every": "with a column of times: hour, day, week or month; then the rows of the last whole one before now "
            "are counted, and the 30 before it are the history",
            "max_z": "the greatest robust z against the history; 3.5 where every is given, else default none",
            "least_windows": "the number of earlier windows with rows below which the check is skipped; default 8",
        },
        "the number of rows is between min and max, and near the median of earlier windows: z is the distance divided "
        "by the greatest of 1.4826 MAD, the square root of the median, and 1; the window under test is no history",
        "every row counts; with a column of times a NULL is in no window",
        check_relation.row_count_expected,
        check_relation.row_count,
    ),
)
"""Every kind of check."""


def check_kind(name: str) -> CheckKind:
    """The kind of this name, which must exist."""
    return next(kind for kind in CHECKS if kind.name == name)


def check_select(
    check: Check,
    relation: exp.Table | exp.Query,
    dialect: str,
    *,
    now: datetime | None = None,
    history: exp.Table | exp.Query | None = None,
) -> exp.Query:
    """One row: ``check_name, column_name, status, severity, expected, actual, failing_rows, sample``.

    All are text but ``failing_rows``, a bigint that is NULL where a check is not about rows. ``column_name`` is NULL
    where there is none. ``status`` is ``pass``, ``skip`` where there was nothing to look at, and otherwise ``fail`` or
    ``warn`` by severity. ``sample`` is a JSON array of at most five failing values or keys, as texts or null: the most
    frequent first, then in the order of their bytes.

    ``now`` is the time of the check, in UTC where it has no zone. ``history`` has a column ``n``, the row counts of
    earlier windows without the one under test; it is read by ``row_count`` with ``max_z`` and without ``every``.

    Raises
    ------
    InvalidArgument
        Where the dialect is unknown, or the check needs ``now`` and there is none.
    """
    require_dialect(dialect)
    kind = check_kind(check.name)
    if now is None and (check.name == "freshness" or check.parameters.get("every")):
        raise InvalidArgument(f"check {check.name!r} of column {check.columns[0]!r} needs the time now; give now")
    subject = Subject(relation, check.columns, check.key, dialect, _in_utc(now), history)
    violated = exp.Literal.string(SEVERITIES[check.severity])
    status = exp.case().when(exp.column("skipped"), exp.Literal.string("skip"))
    status = status.when(exp.column("passes"), exp.Literal.string("pass")).else_(violated)
    about = exp.Literal.string(", ".join(check.columns)) if check.columns else exp.null()
    columns: Columns = {
        "check_name": exp.Literal.string(check.name),
        "column_name": exp.cast(about, "TEXT"),
        "status": status,
        "severity": exp.Literal.string(check.severity),
        "expected": exp.Literal.string(kind.expected(check.parameters)),
        "actual": "actual",
        "failing_rows": exp.cast(exp.column("failing_rows"), "BIGINT"),
        "sample": "sample",
    }
    return chain(kind.steps(subject, check.parameters), select(columns, "measured"))


def _in_utc(now: datetime | None) -> datetime | None:
    return now.astimezone(timezone.utc).replace(tzinfo=None) if now is not None and now.tzinfo else now
