"""Checks that look at one row after the other: each row in their scope fails or does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlglot import exp

from sqlml.measure.check_subject import Subject, is_one_of, number_text, text_of
from sqlml.measure.formula import formula, quoted
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, expression, number, same, select

SAMPLE_SIZE = 5
"""How many failing values or keys are shown."""

_DATE = "(?:[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"

FORMATS = {
    "email": "[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+",
    "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "iso_date": _DATE,
    "iso_timestamp": _DATE + "[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
    "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    "integer": "[+-]?[0-9]+",
    "number": "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?",
}
"""Classes of text by the regular expression for the whole of it."""


def not_null(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """A row with a NULL fails."""
    return _judged(subject, parameters, None, subject.column.is_(exp.null()), text_of(subject.column))


def not_null_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return f"a value in {_all_but(parameters)}"


def in_range(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """A row fails outside the bounds. NaN is above infinity in both engines, so a bound above is always asked for."""
    low, high = parameters.get("min"), parameters.get("max")
    if isinstance(low if low is not None else high, str):
        value, low_bound, high_bound = exp.cast(subject.column, "TIMESTAMP"), _time(low), _time(high)
        shown = text_of(subject.column)
    else:
        value, low_bound = exp.cast(subject.column, "DOUBLE"), None if low is None else number(low)
        high_bound = exp.cast(exp.Literal.string("Infinity"), "DOUBLE") if high is None else number(high)
        shown = _number_shown(value, subject.column)
    bounds: list[exp.Expr] = []
    if low_bound is not None:
        bounds.append(exp.GTE(this=value.copy(), expression=low_bound))
    if high_bound is not None:
        bounds.append(exp.LTE(this=value.copy(), expression=high_bound))
    return _judged(subject, parameters, _present(subject.column), exp.and_(*bounds).not_(), shown)


def _number_shown(value: exp.Expr, column: exp.Expr) -> exp.Expr:
    """A number as text; NaN and the infinities, which each engine writes in its own way, as PostgreSQL does."""
    case = exp.case()
    for special in ("NaN", "Infinity", "-Infinity"):
        literal = exp.cast(exp.Literal.string(special), "DOUBLE")
        case = case.when(exp.EQ(this=value.copy(), expression=literal), exp.Literal.string(special))
    return case.else_(number_text(column))


def _time(text: str | None) -> exp.Expr | None:
    """A bound in time; a date means its midnight."""
    if text is None:
        return None
    return exp.cast(exp.Literal.string(datetime.fromisoformat(text).isoformat(sep=" ")), "TIMESTAMP")


def range_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    low, high = parameters.get("min"), parameters.get("max")
    if low is None:
        return f"a value up to {high} in {_all_but(parameters)}"
    return f"a value from {low}{'' if high is None else f' to {high}'} in {_all_but(parameters)}"


def allowed_values(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """A row fails whose value is none of those given."""
    failing = exp.Paren(this=is_one_of(subject.column, parameters["values"])).not_()
    return _judged(subject, parameters, _present(subject.column), failing, _shown(subject, parameters))


def allowed_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return f"one of {_listed(parameters['values'])} in {_all_but(parameters)}"


def no_sentinel(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """A row fails whose value is one of those given."""
    failing = is_one_of(subject.column, parameters["values"])
    return _judged(subject, parameters, None, failing, _shown(subject, parameters))


def sentinel_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return f"none of {_listed(parameters['values'])} in {_all_but(parameters)}"


def _shown(subject: Subject, parameters: Mapping[str, Any]) -> exp.Expr:
    about_numbers = any(isinstance(each, (int, float)) and not isinstance(each, bool) for each in parameters["values"])
    return (number_text if about_numbers else text_of)(subject.column)


def has_format(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """A row fails whose text the pattern does not match as a whole."""
    text = text_of(subject.column)
    pattern = exp.Literal.string(f"^(?:{_pattern(parameters)})$")
    # Without its option s the dot of DuckDB stops at the end of a line; that of PostgreSQL does not.
    dotall = exp.Anonymous(this="REGEXP_MATCHES", expressions=[text, pattern, exp.Literal.string("s")])
    matches = dotall if subject.dialect == "duckdb" else exp.RegexpLike(this=text, expression=pattern)
    return _judged(
        subject, parameters, _present(subject.column), exp.Paren(this=matches).not_(), text_of(subject.column)
    )


def _pattern(parameters: Mapping[str, Any]) -> str:
    return str(parameters["pattern"]) if parameters.get("pattern") is not None else FORMATS[parameters["class"]]


def format_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    given = parameters.get("class") or f"the pattern {parameters['pattern']}"
    return f"a text of {given} in {_all_but(parameters)}"


def unique(subject: Subject, parameters: Mapping[str, Any]) -> Steps:
    """Every row of a group of several with the same key fails."""
    keys: Columns = {f"key_{position}": quoted(column) for position, column in enumerate(subject.columns)}
    present = [_present(quoted(column)) for column in subject.columns]
    texts = [_json(text_of(exp.column(key))) for key in keys]
    pieces = [piece for text in texts for piece in (exp.Literal.string(", "), text)][1:]
    listed = exp.Concat(expressions=[exp.Literal.string("["), *pieces, exp.Literal.string("]")], safe=True)
    shown: Columns = {"sample": listed if len(texts) > 1 else texts[0], "times": "COUNT(*)"}
    totals: Columns = {
        "n": "COALESCE(SUM(times), 0)",
        "failing_rows": "COALESCE(SUM(CASE WHEN times > 1 THEN times ELSE 0 END), 0)",
    }
    failing = select(same("sample", "times"), "keys", where=["times > 1"])
    return {
        "given": select(keys, subject.rows, where=present),
        "keys": select(shown, "given", group_by=list(keys)),
        "totals": select(totals, "keys"),
        **_sampled(failing),
        "measured": _measured(expression("failing_rows = 0")),
    }


def unique_expected(parameters: Mapping[str, Any]) -> str:
    """The check in words."""
    return "no key twice"


def _judged(
    subject: Subject, parameters: Mapping[str, Any], scope: exp.Expr | None, failing: exp.Expr, shown: exp.Expr
) -> Steps:
    """The steps from rows, of which those in ``scope`` count and those that are ``failing`` fail, to ``measured``."""
    sample = shown if subject.key is None else text_of(quoted(subject.key))
    flag = exp.case().when(failing, exp.Literal.number(1)).else_(exp.Literal.number(0))
    rows: Columns = {"sample": _json(sample), "failing": flag}
    times: Columns = {**same("sample"), "times": "COUNT(*)"}
    allowed = formula("failing_rows <= share * n", share=number(parameters.get("max_share", 0.0)))
    return {
        "judged": select(rows, subject.rows, where=[] if scope is None else [scope]),
        "totals": select({"n": "COUNT(*)", "failing_rows": "COALESCE(SUM(failing), 0)"}, "judged"),
        **_sampled(select(times, "judged", where=["failing = 1"], group_by=["sample"])),
        "measured": _measured(allowed),
    }


def _present(column: exp.Expr) -> exp.Expr:
    return column.copy().is_(exp.null()).not_()


def _json(text: exp.Expr) -> exp.Expr:
    """A text as a JSON string, null for NULL."""
    written = exp.cast(exp.Anonymous(this="TO_JSON", expressions=[text]), "TEXT")
    return exp.Coalesce(this=written, expressions=[exp.Literal.string("null")])


def _sampled(failing: exp.Select) -> Steps:
    """``samples``: one row with the JSON array of the first of ``failing``, which has ``sample`` and ``times``."""
    place = expression('ROW_NUMBER() OVER (ORDER BY times DESC, sample COLLATE "C")')
    array = expression("CONCAT('[', STRING_AGG(sample, ', ' ORDER BY place), ']')")
    first = formula("place <= size", size=exp.Literal.number(SAMPLE_SIZE))
    return {
        "failing_samples": failing,
        "places": select({"sample": "sample", "place": place}, "failing_samples"),
        "samples": select({"sample": array}, "places", where=[first]),
    }


def _measured(passes: exp.Expr) -> exp.Select:
    actual = expression("CONCAT(CAST(failing_rows AS TEXT), ' of ', CAST(n AS TEXT), ' rows fail')")
    columns: Columns = {
        "skipped": "n = 0",
        "passes": passes,
        "actual": actual,
        "failing_rows": "failing_rows",
        "sample": "samples.sample",
    }
    return select(columns, "totals", beside="samples")


def _all_but(parameters: Mapping[str, Any]) -> str:
    share = parameters.get("max_share", 0.0)
    return "every row" if not share else f"all but {share * 100:.10g} % of the rows"


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(json.dumps(each, ensure_ascii=False) for each in values)
