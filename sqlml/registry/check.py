"""Suites of checks that were given a name, and the results of every run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.errors import InvalidArgument
from sqlml.fit.names import unknown_name
from sqlml.registry.queries import query
from sqlml.registry.run import Run, utc_now


@dataclass(frozen=True)
class CheckResult:
    """What one check of a suite found."""

    position: int
    check_name: str
    column_name: str | None
    status: str
    severity: str
    expected: str
    actual: str | None
    failing_rows: int | None
    sample: str | None


@dataclass(frozen=True)
class Suite:
    """Checks as JSON text; name and revision are None where they were given without a name."""

    checks: str
    name: str | None = None
    revision: int | None = None


def kept_suite(session: Session, name: str) -> Suite:
    """The latest revision of a suite.

    Raises
    ------
    InvalidArgument
        Where no suite has this name; the message lists those that there are.
    """
    found = session.rows(query("suite"), {"suite": name})
    if found:
        return Suite(found[0][1], name, found[0][0])
    names = [str(row[0]) for row in session.rows(query("suite_names"))]
    raise InvalidArgument(
        f"suite => {name!r}: no suite has this name; {unknown_name(name, names)}. A suite is kept when it is given "
        'once as \'{"name": "...", "checks": [...]}\''
    )


def keep_suite(session: Session, name: str, checks: list[Any]) -> Suite:
    """Remember a suite under a name; one that has changed becomes a new revision of it."""
    text = json.dumps(checks, sort_keys=True, ensure_ascii=False)
    found = session.rows(query("suite"), {"suite": name})
    if found and json.loads(found[0][1]) == checks:
        return Suite(text, name, found[0][0])
    revision = found[0][0] + 1 if found else 1
    session.execute(
        query("insert_check_definition"),
        {"suite": name, "revision": revision, "checks": text, "created_at": utc_now(), "created_by": session.actor()},
    )
    return Suite(text, name, revision)


def row_count_history(session: Session, relation: str) -> pa.Table:
    """The row counts of a relation in the last 30 runs of checks on it: one column ``n``."""
    return session.arrow(query("row_count_history"), {"relation": relation})


def add_results(
    session: Session,
    run: Run,
    suite: Suite,
    relation: str,
    relation_rows: int,
    results: Sequence[CheckResult],
    checked_at: datetime,
) -> None:
    """Write the results of a run down."""
    common = {
        "run_id": run.run_id,
        "suite": suite.name,
        "revision": suite.revision,
        "relation": relation,
        "relation_rows": relation_rows,
        "checked_at": checked_at,
    }
    if results:
        rows = pa.Table.from_pylist([common | asdict(result) for result in results], schema=_RESULT_SCHEMA)
        session.append(exp.table_("check_result", db="sqlml"), rows)


_RESULT_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("suite", pa.string()),
        ("revision", pa.int32()),
        ("position", pa.int32()),
        ("check_name", pa.string()),
        ("relation", pa.string()),
        ("column_name", pa.string()),
        ("status", pa.string()),
        ("severity", pa.string()),
        ("expected", pa.string()),
        ("actual", pa.string()),
        ("failing_rows", pa.int64()),
        ("sample", pa.string()),
        ("relation_rows", pa.int64()),
        ("checked_at", pa.timestamp("us")),
    ]
)
