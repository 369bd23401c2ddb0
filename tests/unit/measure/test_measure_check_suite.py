"""Reading suites of checks: what is understood, and what the message says about the rest."""

import json
import re
from datetime import timedelta

import pytest

from sqlml.errors import InvalidArgument
from sqlml.measure.check import CHECKS, SEVERITIES, Check
from sqlml.measure.check_suite import READERS, suite_of


def read(**entry):
    [check] = suite_of(json.dumps([entry]))
    return check


def test_every_parameter_of_every_check_can_be_read():
    assert {kind.name: set(kind.parameters) for kind in CHECKS} == {name: set(keys) for name, keys in READERS.items()}


def test_a_suite_keeps_its_order_and_fills_in_what_is_left_out():
    text = '[{"check": "unique", "columns": ["a", "b"]}, {"check": "not_null", "column": "a", "severity": "warn"}]'
    assert suite_of(text) == (
        Check("unique", ("a", "b"), {}, "error"),
        Check("not_null", ("a",), {"max_share": 0.0}, "warn"),
    )
    assert suite_of("[]") == ()


UNDERSTOOD = [
    ({"check": "range", "column": "a", "min": -1.5, "max": 2}, {"min": -1.5, "max": 2, "max_share": 0.0}),
    ({"check": "range", "column": "a", "min": "2024-01-31"}, {"min": "2024-01-31", "max": None, "max_share": 0.0}),
    (
        {"check": "allowed_values", "column": "a", "values": ["x", 1, True]},
        {"values": ("x", 1, True), "max_share": 0.0},
    ),
    ({"check": "type", "column": "a", "type": "text"}, {"type": "text"}),
    ({"check": "type", "column": "a", "type": " Time  with time zone"}, {"type": "time with time zone"}),
    ({"check": "format", "column": "a", "class": "uuid"}, {"class": "uuid", "pattern": None, "max_share": 0.0}),
    ({"check": "sentinel", "column": "a", "values": [""], "max_share": 0.1}, {"values": ("",), "max_share": 0.1}),
    ({"check": "freshness", "column": "a", "max_age": "36 hours"}, {"max_age": timedelta(hours=36)}),
    ({"check": "freshness", "column": "a", "max_age": "1 week"}, {"max_age": timedelta(weeks=1)}),
    (
        {"check": "row_count", "min": 1},
        {"min": 1, "max": None, "every": None, "max_z": None, "least_windows": 8},
    ),
    (
        {"check": "row_count", "column": "a", "every": "day", "least_windows": 5},
        {"min": None, "max": None, "every": "day", "max_z": 3.5, "least_windows": 5},
    ),
]


@pytest.mark.parametrize(("entry", "parameters"), UNDERSTOOD)
def test_parameters(entry, parameters):
    check = read(**entry)
    assert check.parameters == parameters
    assert check.columns == (("a",) if "column" in entry else ())


def test_the_columns_that_a_check_reads():
    assert read(check="not_null", column="a", key="id").columns_read() == ("a", "id")
    assert read(check="not_null", column="a", key="a").columns_read() == ("a",)
    assert read(check="row_count", min=1).columns_read() == ()


NOT_A_SUITE = [
    ("", "not JSON"),
    ("{}", "array of objects"),
    ('["not_null"]', "array of objects"),
    ('[{"check": "range", "column": "a", "min": NaN}]', "NaN"),
    ('[{"check": "not_null", "column": "a", "column": "b"}]', "'column' stands twice"),
]


@pytest.mark.parametrize(("text", "message"), NOT_A_SUITE)
def test_what_is_no_suite(text, message):
    with pytest.raises(InvalidArgument, match=message):
        suite_of(text)


REFUSED = [
    ({}, "no check None"),
    ({"check": "not_nul", "column": "a"}, "closest: not_null"),
    ({"check": 3}, "no check 3"),
    ({"check": "not_null"}, "'column' is missing"),
    ({"check": "not_null", "column": ""}, "name of a column"),
    ({"check": "not_null", "column": ["a"]}, "name of a column"),
    ({"check": "not_null", "columns": ["a"]}, "no key 'columns'; closest: column"),
    ({"check": "not_null", "column": "a", "max_shar": 0.1}, "closest: max_share"),
    ({"check": "not_null", "column": "a", "max_share": 1}, "from 0 to below 1"),
    ({"check": "not_null", "column": "a", "max_share": "1 %"}, "from 0 to below 1"),
    ({"check": "not_null", "column": "a", "max_share": True}, "from 0 to below 1"),
    ({"check": "not_null", "column": "a", "severity": "warning"}, "closest: warn"),
    ({"check": "not_null", "column": "a", "key": 1}, "name of a column"),
    ({"check": "unique", "columns": []}, "array of names"),
    ({"check": "unique", "columns": ["a", "a"]}, "stands twice"),
    ({"check": "unique", "columns": ["a"], "key": "b"}, "no key 'key'"),
    ({"check": "range", "column": "a"}, "no end"),
    ({"check": "range", "column": "a", "min": 2, "max": 1}, "above"),
    ({"check": "range", "column": "a", "min": 2, "max": "2024-01-01"}, "both"),
    ({"check": "range", "column": "a", "min": "2024-13-01"}, "date or time"),
    ({"check": "range", "column": "a", "min": "2024-01-01T00:00+01:00"}, "date or time"),
    ({"check": "range", "column": "a", "min": "yesterday"}, "date or time"),
    ({"check": "allowed_values", "column": "a"}, "'values' is missing"),
    ({"check": "allowed_values", "column": "a", "values": []}, "at least one"),
    ({"check": "allowed_values", "column": "a", "values": "ab"}, "array"),
    ({"check": "allowed_values", "column": "a", "values": [None]}, "null in it"),
    ({"check": "type", "column": "a", "type": " "}, "known are: boolean, .*, and what the engine calls its types"),
    ({"check": "type", "column": "a", "type": 1}, "known are: boolean"),
    ({"check": "format", "column": "a"}, "either"),
    ({"check": "format", "column": "a", "class": "email", "pattern": "a"}, "either"),
    ({"check": "format", "column": "a", "class": "mail"}, "closest: email"),
    ({"check": "freshness", "column": "a", "max_age": 36}, "36 hours"),
    ({"check": "freshness", "column": "a", "max_age": "0 days"}, "36 hours"),
    ({"check": "row_count"}, "nothing to hold"),
    ({"check": "row_count", "min": -1}, "from 0"),
    ({"check": "row_count", "min": 2, "max": 1}, "above"),
    ({"check": "row_count", "column": "a", "min": 1}, "go together"),
    ({"check": "row_count", "every": "day"}, "go together"),
    ({"check": "row_count", "column": "a", "every": "days"}, "closest: day"),
    ({"check": "row_count", "max_z": 0}, "above 0"),
    ({"check": "row_count", "max_z": 3, "least_windows": 31}, "from 1 to 30"),
]


@pytest.mark.parametrize(("entry", "message"), REFUSED)
def test_what_is_refused(entry, message):
    with pytest.raises(InvalidArgument, match=message) as caught:
        suite_of(json.dumps([{"check": "not_null", "column": "fine"}, entry]))
    assert "entry 2 of the suite" in str(caught.value)
    assert str(caught.value).count("ML001") == 1


@pytest.mark.parametrize(
    "pattern", ["a", "[a-z]+", "(?:a|b)*c?", "x{2,3}", "[^,;]{1,}", "^a.b$", r"\.\*\[", "[\\]\\-a]", "ü"]
)
def test_patterns_that_both_engines_share(pattern):
    assert re.compile(read(check="format", column="a", pattern=pattern).parameters["pattern"])


@pytest.mark.parametrize(
    "pattern",
    [
        "", r"\d", r"\w+", r"a\b", "a(?=b)", "(?P<n>a)", "(?i)a", r"(a)\1", "a*?", "a**", "[[:alpha:]]", "(a", "a)",
        "*a", "[z-a]", "a{256}", "a{2,1}", "a{,2}", "^*", 3,
    ],
)  # fmt: skip
def test_patterns_that_are_refused(pattern):
    with pytest.raises(InvalidArgument, match="'pattern'"):
        read(check="format", column="a", pattern=pattern)


def test_both_severities():
    assert {read(check="not_null", column="a", severity=each).severity for each in SEVERITIES} == {"error", "warn"}
