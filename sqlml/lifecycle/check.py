"""Hold a relation against a suite of checks, and keep what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlglot import exp

from sqlml.engine import Engine, Relation
from sqlml.engine.relation import table_name
from sqlml.errors import EngineError, InvalidArgument, InvalidValue
from sqlml.lifecycle.arguments import known_column
from sqlml.measure.check import SEVERITIES, Check, check_kind, check_select
from sqlml.measure.check_suite import suite_of
from sqlml.registry.check import CheckResult, Suite, add_results, keep_suite, kept_suite, row_count_history
from sqlml.registry.model import checked_name
from sqlml.registry.run import Run, finish_run, utc_now

AT_ONCE = 200
"""Up to so many checks of a table are one statement; for more the table is copied, as a parser has its limits."""


def check(engine: Engine, relation: str, suite: str) -> dict[str, Any]:
    """Run a suite of checks on a relation and write each result to ``sqlml.check_result``.

    ``suite`` is a JSON array of checks (see :func:`sqlml.measure.check_suite.suite_of`), an object
    ``{"name": ..., "checks": [...]}``, which is also remembered under that name, or the name of one that was. A check
    that does not pass is a result, and so is one that the values do not allow, such as a range of a text. The history
    of ``row_count`` are the last 30 runs of checks on this relation; the run under test is none of them. All checks see
    the same rows, whatever others write meanwhile.

    Returns
    -------
    ``run_id, passed, warned, failed, skipped``.

    Raises
    ------
    InvalidArgument
        Where the suite is not understood, or names a column that the relation lacks.
    InvalidRelation
        Where the relation is not there.
    EngineError
        Where the relation cannot be read: a timeout, a lost connection, a right that is lacking. Nothing is written.
    """
    run, now = Run("check"), utc_now()
    given = _given(engine, suite)
    checks = suite_of(given.checks)
    found = engine.relation(relation)
    columns = engine.arrow(found.select().limit(0).sql(engine.dialect), found.parameters).column_names
    named = [_with_columns(position, each, columns, relation) for position, each in enumerate(checks, start=1)]
    try:
        n, results = _measured(engine, named, found, now)
    except EngineError as error:
        raise type(error)(f"relation => {relation!r} could not be checked: {error.message}") from error
    with engine.transaction() as owner:
        kept = given
        if given.name is not None:
            engine.lock(f"suite {given.name}")
            kept = keep_suite(owner, given.name, json.loads(given.checks))
        add_results(owner, run, kept, relation, n, results, now)
        finish_run(owner, run, None, None, rows_in=n, rows_out=len(results))
    counted = {"passed": "pass", "warned": "warn", "failed": "fail", "skipped": "skip"}
    return {"run_id": run.run_id} | {
        name: sum(result.status == status for result in results) for name, status in counted.items()
    }


def _given(engine: Engine, suite: Any) -> Suite:
    """The checks that ``suite`` means, as JSON text, and the name that they have or get."""
    if not isinstance(suite, str) or not suite.strip():
        raise InvalidArgument(
            f"suite => {suite!r} is no suite; write a JSON array of checks, such as "
            '\'[{"check": "not_null", "column": "id"}]\', or the name of a suite that was given before'
        )
    text = suite.strip()
    if text.startswith("{"):
        return _named(text)
    return Suite(text) if text.startswith("[") else kept_suite(engine, checked_name(text, "suite"))


def _named(text: str) -> Suite:
    """A suite of the form ``{"name": ..., "checks": [...]}``."""
    try:
        body = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"the suite is not JSON: {error}; write an array of objects") from error
    if set(body) != {"name", "checks"} or not isinstance(body["checks"], list):
        raise InvalidArgument(
            'a suite that is an object must be {"name": ..., "checks": [...]} and nothing else; it has '
            + (", ".join(map(repr, body)) or "no key")
        )
    return Suite(json.dumps(body["checks"]), checked_name(body["name"], "name of the suite"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose keys all differ."""
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise InvalidArgument(f"the key {twice!r} stands twice in one object of the suite; keep one")
    return dict(pairs)


def _with_columns(position: int, check: Check, columns: list[str], relation: str) -> Check:
    """The check with the names of its columns as the relation has them."""
    entry = f"entry {position} of the suite ({check.name}):"
    found = {name: known_column(columns, entry, name, repr(relation), InvalidArgument) for name in check.columns_read()}
    key = None if check.key is None else found[check.key]
    return replace(check, columns=tuple(found[name] for name in check.columns), key=key)


def _measured(
    engine: Engine, checks: Sequence[Check], relation: Relation, now: datetime
) -> tuple[int, list[CheckResult]]:
    """How many rows the relation has, and what each check finds in them."""
    table = table_name(relation.text, engine.dialect)
    with engine.temporary(row_count_history(engine, relation.text)) as history:
        if table is not None and len(checks) <= AT_ONCE:
            try:
                return _at_once(engine, _selects(engine, checks, table, now, history), table)
            except InvalidValue:
                # The values do not allow one of the checks. To find out which, the rows must stay as they are.
                pass
        with engine.materialized(relation.select(), relation.parameters) as rows:
            return _one_by_one(engine, checks, _selects(engine, checks, rows, now, history), rows)


def _selects(
    engine: Engine, checks: Sequence[Check], rows: exp.Table, now: datetime, history: exp.Table
) -> list[exp.Query]:
    return [check_select(each, rows.copy(), engine.dialect, now=now, history=history.copy()) for each in checks]


def _at_once(engine: Engine, selects: Sequence[exp.Query], rows: exp.Table) -> tuple[int, list[CheckResult]]:
    """One statement for all, which sees the rows as they are at one moment."""
    names = [field.name for field in fields(CheckResult) if field.name != "position"]
    nothing = [exp.cast(exp.null(), "BIGINT" if name == "failing_rows" else "TEXT").as_(name) for name in names]
    n = exp.Count(this=exp.Star())
    parts = [exp.select(exp.Literal.number(0).as_("position"), n.as_("n"), *nothing).from_(rows)]
    for position, each in enumerate(selects, start=1):
        number, none = exp.Literal.number(position).as_("position"), exp.cast(exp.null(), "BIGINT").as_("n")
        parts.append(exp.select(number, none, *names).from_(each.subquery("checked")))
    query = exp.union(*parts, distinct=False, copy=False) if len(parts) > 1 else parts[0]
    counted, *found = sorted(engine.arrow(query.sql(engine.dialect)).to_pylist(), key=lambda row: row["position"])
    return counted["n"], [CheckResult(**{name: row[name] for name in ("position", *names)}) for row in found]


def _one_by_one(
    engine: Engine, checks: Sequence[Check], selects: Sequence[exp.Query], rows: exp.Table
) -> tuple[int, list[CheckResult]]:
    """A statement for each, for the values may not allow one of them; the rows are a copy."""
    results = []
    for position, (check, select) in enumerate(zip(checks, selects, strict=True), start=1):
        try:
            (found,) = engine.arrow(select.sql(engine.dialect)).to_pylist()
        except InvalidValue as error:
            results.append(_unmeasured(position, check, error))
        else:
            results.append(CheckResult(position=position, **found))
    n = int(engine.rows(exp.select(exp.Count(this=exp.Star())).from_(rows).sql(engine.dialect))[0][0])
    return n, results


def _unmeasured(position: int, check: Check, error: InvalidValue) -> CheckResult:
    return CheckResult(
        position=position,
        check_name=check.name,
        column_name=", ".join(check.columns) or None,
        status=SEVERITIES[check.severity],
        severity=check.severity,
        expected=check_kind(check.name).expected(check.parameters),
        actual=f"the values do not allow it: {error.message}",
        failing_rows=None,
        sample=None,
    )
