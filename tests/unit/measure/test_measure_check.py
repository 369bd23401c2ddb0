"""Data checks: the table of kinds, and for each what passes, what fails, what is left out, and what is shown."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.check import CHECKS, Check, check_kind, check_select
from sqlml.measure.check_rows import FORMATS
from sqlml.measure.check_subject import literal_texts, number_texts
from sqlml.measure.check_suite import suite_of
from sqlml.measure.subset import DIALECTS

GOLDEN = Path(__file__).parents[2] / "fixtures" / "measure"
RELATION = exp.to_table("orders")
NOW = datetime(2024, 3, 15, 12)

EXAMPLES = {
    "not_null": [{"column": "Age", "max_share": 0.05, "key": "id"}],
    "unique": [{"columns": ["id"]}, {"columns": ["id", "line"]}],
    "range": [{"column": "age", "min": 0, "max": 120}, {"column": "at_time", "max": "2024-03-01"}],
    "allowed_values": [{"column": "kind", "values": ["it's", 1, True]}],
    "type": [{"column": "mail", "type": "Mood"}, {"column": "age", "type": "number"}],
    "format": [{"column": "mail", "class": "email"}, {"column": "mail", "pattern": "[a-z]+'?"}],
    "sentinel": [{"column": "age", "values": [-1, "N/A", "1900-01-01"]}],
    "freshness": [{"column": "at_time", "max_age": "36 hours"}],
    "row_count": [{"min": 1, "max": 9}, {"max_z": 4, "severity": "warn"}, {"column": "at_time", "every": "week"}],
}


def one(**entry):
    [check] = suite_of(json.dumps([entry]))
    return check


def run(connection, check, **options):
    found = connection.execute(check_select(check, RELATION, "duckdb", **options).sql("duckdb"))
    names = [column[0] for column in found.description]
    [row] = found.fetchall()
    return dict(zip(names, row, strict=True))


def of(connection, table, **entry):
    connection.register("orders", pa.table(table))
    found = run(connection, one(**entry), now=NOW)
    return found["status"], found["actual"], found["failing_rows"], json.loads(found["sample"])


def rows(failing, total, *sample):
    status = "fail" if failing else "pass"
    return status, f"{failing} of {total} rows fail", failing, list(sample)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", CHECKS, ids=lambda kind: kind.name)
def test_golden_check(golden, kind, dialect):
    checks = [one(check=kind.name, **entry) for entry in EXAMPLES[kind.name]]
    history = exp.select("n").from_("earlier")
    texts = [check_select(check, RELATION, dialect, now=NOW, history=history) for check in checks]
    golden(f"check_{kind.name}.{dialect}.sql", ";\n".join(text.sql(dialect, pretty=True) for text in texts))


@pytest.mark.parametrize("kind", CHECKS, ids=lambda kind: kind.name)
def test_each_check_is_defined_and_has_its_golden_files(kind):
    assert kind.subject in ("column", "columns", "either")
    for line in (kind.definition, kind.nulls, *kind.parameters.values()):
        assert len(line) > 10
        assert line == " ".join(line.split())
    assert all((GOLDEN / f"check_{kind.name}.{dialect}.sql").exists() for dialect in DIALECTS)


def test_nothing_is_left_over():
    names = [kind.name for kind in CHECKS]
    assert list(EXAMPLES) == names
    wanted = {f"check_{name}.{dialect}.sql" for name in names for dialect in DIALECTS}
    assert {path.name for path in GOLDEN.glob("check_*")} == wanted


@pytest.mark.parametrize("kind", CHECKS, ids=lambda kind: kind.name)
def test_columns_and_types(connection, kind):
    connection.execute(
        "CREATE TABLE orders (id INT, line INT, age DOUBLE, kind VARCHAR, mail VARCHAR, at_time TIMESTAMP)"
    )
    for entry in EXAMPLES[kind.name]:
        query = check_select(one(check=kind.name, **entry), RELATION, "duckdb", now=NOW).sql("duckdb")
        assert [(name, str(type_)) for name, type_, *_ in connection.execute(query).description] == [
            *((name, "VARCHAR") for name in ("check_name", "column_name", "status", "severity", "expected", "actual")),
            ("failing_rows", "BIGINT"),
            ("sample", "VARCHAR"),
        ]


@pytest.mark.parametrize("kind", [kind for kind in CHECKS if kind.name != "row_count"], ids=lambda kind: kind.name)
def test_a_relation_without_rows_is_skipped(connection, kind):
    connection.execute(
        "CREATE TABLE orders (id INT, line INT, age DOUBLE, kind VARCHAR, mail VARCHAR, at_time TIMESTAMP)"
    )
    for entry in EXAMPLES[kind.name]:
        found = run(connection, one(check=kind.name, **entry), now=NOW)
        assert (found["status"], found["sample"]) == ("skip", "[]")


def test_severity_decides_between_warning_and_failure(connection):
    connection.register("orders", pa.table({"a": pa.array([1, None])}))
    for severity, status in (("error", "fail"), ("warn", "warn")):
        found = run(connection, one(check="not_null", column="a", severity=severity))
        assert (found["status"], found["severity"]) == (status, severity)
        assert (found["check_name"], found["column_name"]) == ("not_null", "a")


EXPECTED = [
    ({"check": "not_null", "column": "a"}, "a value in every row"),
    ({"check": "not_null", "column": "a", "max_share": 0.125}, "a value in all but 12.5 % of the rows"),
    ({"check": "unique", "columns": ["a"]}, "no key twice"),
    ({"check": "range", "column": "a", "min": 0, "max": 2.5}, "a value from 0 to 2.5 in every row"),
    ({"check": "range", "column": "a", "min": 0}, "a value from 0 in every row"),
    ({"check": "range", "column": "a", "max": 0}, "a value up to 0 in every row"),
    ({"check": "allowed_values", "column": "a", "values": ["x", 1, True]}, 'one of "x", 1, true in every row'),
    ({"check": "type", "column": "a", "type": "number"}, "integer or number"),
    ({"check": "format", "column": "a", "class": "email"}, "a text of email in every row"),
    ({"check": "format", "column": "a", "pattern": "a+"}, "a text of the pattern a+ in every row"),
    ({"check": "sentinel", "column": "a", "values": [""]}, 'none of "" in every row'),
    ({"check": "freshness", "column": "a", "max_age": "48 hours"}, "a time at most 2 days ago"),
    ({"check": "row_count", "min": 1, "max": 9}, "at least 1 rows, at most 9 rows"),
    (
        {"check": "row_count", "column": "a", "every": "day"},
        "a robust z of at most 3.5 against 8 or more earlier windows, for the last whole day",
    ),
]


@pytest.mark.parametrize(("entry", "text"), EXPECTED)
def test_a_check_in_words(entry, text):
    check = one(**entry)
    assert check_kind(check.name).expected(check.parameters) == text


def test_every_check_is_put_in_words():
    assert {entry["check"] for entry, _ in EXPECTED} == {kind.name for kind in CHECKS}


def test_not_null(connection):
    columns = {"a": pa.array([1.0, None, float("nan"), None]), "id": ["w", "x", "y", "z"]}
    assert of(connection, columns, check="not_null", column="a") == rows(2, 4, None)
    assert of(connection, columns, check="not_null", column="a", key="id") == rows(2, 4, "x", "z")
    assert of(connection, columns, check="not_null", column="id") == rows(0, 4)


@pytest.mark.parametrize(("share", "status"), [(0.49, "fail"), (0.5, "pass"), (0.51, "pass")])
def test_a_share_of_rows_may_fail(connection, share, status):
    found = of(connection, {"a": pa.array([1, None, 2, None])}, check="not_null", column="a", max_share=share)
    assert found == (status, "2 of 4 rows fail", 2, [None])


def test_unique(connection):
    columns = {"a": pa.array([1, 1, 2, None, None]), "b": ["x", "x", "x", "x", "x"], "c": ["x", "y", "z", "x", "x"]}
    assert of(connection, columns, check="unique", columns=["a"]) == rows(2, 3, "1")
    assert of(connection, columns, check="unique", columns=["a", "c"]) == rows(0, 3)
    assert of(connection, columns, check="unique", columns=["a", "b"]) == rows(2, 3, ["1", "x"])
    assert of(connection, columns, check="unique", columns=["b"]) == rows(5, 5, "x")


def test_keys_that_would_collide_as_text(connection):
    columns = {"a": ["1", "12"], "b": ["23", "3"]}
    assert of(connection, columns, check="unique", columns=["a", "b"]) == rows(0, 2)


def test_range_of_numbers(connection):
    columns = {"a": pa.array([0.0, 120.0, -0.5, 121.0, None, float("nan"), float("inf")])}
    everything = of(connection, columns, check="range", column="a", min=0, max=120)
    assert everything == rows(4, 6, "-0.5", "121", "Infinity", "NaN")
    assert of(connection, columns, check="range", column="a", min=0) == rows(2, 6, "-0.5", "NaN")
    assert of(connection, columns, check="range", column="a", max=120) == rows(3, 6, "121", "Infinity", "NaN")


def test_range_of_whole_numbers_and_decimals(connection):
    columns = {"a": pa.array([1, 5, 9]), "b": pa.array([Decimal("0.10"), Decimal("-0.20"), Decimal("0.30")])}
    assert of(connection, columns, check="range", column="a", min=2, max=8) == rows(2, 3, "1", "9")
    assert of(connection, columns, check="range", column="b", min=0, max=0.2) == rows(2, 3, "-0.2", "0.3")


def test_range_of_times(connection):
    times = [datetime(2024, 1, 1), datetime(2024, 1, 31), datetime(2024, 1, 31, 0, 0, 1), None]
    found = of(connection, {"a": pa.array(times)}, check="range", column="a", min="2024-01-01", max="2024-01-31")
    assert found == rows(1, 3, "2024-01-31 00:00:01")
    dates = pa.array([each and each.date() for each in times])
    assert of(connection, {"a": dates}, check="range", column="a", max="2024-01-30T12:00") == rows(2, 3, "2024-01-31")


def test_allowed_values(connection):
    columns = {"a": pa.array(["x", "y", "Y", "y ", "it's", None]), "b": pa.array([True, False, True, None, True, True])}
    assert of(connection, columns, check="allowed_values", column="a", values=["x", "y", "it's"]) == rows(
        2, 5, "Y", "y "
    )
    assert of(connection, columns, check="allowed_values", column="b", values=[True]) == rows(1, 5, "false")


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([1.0, 2.5, 3.0, 1e20]),
        pa.array([Decimal("1.00"), Decimal("2.50"), Decimal("3.00"), Decimal(10**20)]),
        pa.array(["1", "2.50", "3", "1e+20"]),
    ],
    ids=lambda numbers: str(numbers.type),
)
def test_numbers_are_compared_by_value_whatever_the_type(connection, numbers):
    found = of(connection, {"a": numbers}, check="allowed_values", column="a", values=[1, 2.5, 1e20])
    assert found == rows(1, 4, "3")


def test_a_text_that_reads_like_a_number_is_not_the_text_of_another(connection):
    versions = {"a": ["1.0", "1.00", "1"]}
    assert of(connection, versions, check="allowed_values", column="a", values=["1.0"]) == rows(2, 3, "1", "1.00")


@pytest.mark.parametrize(
    ("values", "logical"),
    [
        (pa.array([True]), "boolean"),
        (pa.array([1], pa.int16()), "integer"),
        (pa.array([1], pa.uint64()), "integer"),
        (pa.array([1.0], pa.float32()), "number"),
        (pa.array([Decimal("1.5")]), "number"),
        (pa.array(["a"]), "text"),
        (pa.array([NOW.date()]), "date"),
        (pa.array([NOW]), "timestamp"),
        (pa.array([NOW], pa.timestamp("ns")), "timestamp"),
    ],
)
def test_type(connection, values, logical):
    for wanted in ("boolean", "integer", "number", "text", "date", "timestamp"):
        found = of(connection, {"a": values}, check="type", column="a", type=wanted)
        good = wanted == logical or (wanted, logical) == ("number", "integer")
        assert found == ("pass" if good else "fail", logical, None, [])


def test_a_type_of_no_column_is_called_what_the_engine_calls_it(connection):
    found = of(connection, {"a": pa.array([[1]])}, check="type", column="a", type="integer")
    assert found[:2] == ("fail", "bigint[]")


@pytest.mark.parametrize(
    ("written", "passing", "failing"),
    [
        ("CAST('a' AS ENUM('a', 'b'))", ("text", "ENUM", "enum('a', 'b')"), ("varchar", "enum('a')")),
        ("CAST(1.5 AS DECIMAL(5, 2))", ("number", "decimal", "DECIMAL(5,2)"), ("decimal(5,1)", "double", "integer")),
        ("CAST('x' AS VARCHAR)", ("text", "varchar"), ("string", "enum")),
        ("TIMESTAMPTZ '2024-01-01'", ("timestamp with time zone",), ("timestamp",)),
        ("[1]", ("integer[]",), ("integer", "integer[][]")),
    ],
)
def test_a_type_may_be_named_as_the_engine_does(connection, written, passing, failing):
    connection.execute(f"CREATE TABLE orders AS SELECT {written} AS a")
    for wanted in (*passing, *failing):
        found = run(connection, one(check="type", column="a", type=wanted), now=NOW)
        assert found["status"] == ("pass" if wanted in passing else "fail"), found


FORMATTED = {
    "email": (["a@b.org", "A.b+c-d@x-y.co.uk"], ["a@b", "a b@c.org", "@b.org", "a@b.org ", "a@@b.org"]),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "g23e4567-e89b-12d3-a456"]),
    "iso_date": (["2024-02-29", "1999-12-31"], ["2024-13-01", "24-01-01", "2024-01-32", "2024-01-01 ", "01.02.2024"]),
    "iso_timestamp": (
        ["2024-01-31T23:59:59Z", "2024-01-31 23:59", "2024-01-31T23:59:59.123456+02:00"],
        ["2024-01-31", "2024-01-31T24:00", "2024-01-31T23:60", "2024-01-31T23:59:59+2"],
    ),
    "integer": (["0", "-12", "+7"], ["1.0", "", "1e3", "--1", "1 "]),
    "number": (["0", "-1.5", ".5", "5.", "1e-3", "+2E10"], ["", ".", "1e", "0x1", "1,5", "NaN"]),
}


@pytest.mark.parametrize("class_", FORMATTED)
def test_format_of_a_class(connection, class_):
    good, bad = FORMATTED[class_]
    found = of(connection, {"a": pa.array([*good, None, *bad])}, check="format", column="a", **{"class": class_})
    assert found[:3] == ("fail", f"{len(bad)} of {len(good) + len(bad)} rows fail", len(bad))
    assert set(found[3]) <= set(bad)


def test_every_class_has_good_and_bad_texts():
    assert set(FORMATTED) == set(FORMATS)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("a.c", ["abc", "a\nc"], ["abcd", "ab", "xabc"]),
        ("a|b", ["a", "b"], ["ab", "ax"]),
        (r"\.\*[\]\-x]", [".*]", ".*-", ".*x"], ["..]", ".*"]),
        ("[^a]", ["b", "\n", "ü"], ["a", "bb"]),
        ("(?:ab){2,3}", ["abab", "ababab"], ["ab", "abababab"]),
    ],
)
def test_format_of_a_pattern(connection, pattern, good, bad):
    found = of(connection, {"a": [*good, *bad]}, check="format", column="a", pattern=pattern)
    assert found[2] == len(bad)
    assert set(found[3]) == set(bad)


def test_sentinels(connection):
    columns = {
        "number": pa.array([-1.0, 999.0, 3.5, None]),
        "whole": pa.array([-1, 999, 35, None]),
        "text": pa.array(["-1", "", "N/A", None]),
        "day": pa.array([datetime(1900, 1, 1), datetime(1900, 1, 1, 1), NOW, None]),
    }
    sentinels = [-1, 999, "", "N/A", "1900-01-01"]
    assert of(connection, columns, check="sentinel", column="number", values=sentinels) == rows(2, 4, "-1", "999")
    assert of(connection, columns, check="sentinel", column="whole", values=sentinels) == rows(2, 4, "-1", "999")
    assert of(connection, columns, check="sentinel", column="text", values=sentinels) == rows(3, 4, "", "-1", "N/A")
    assert of(connection, columns, check="sentinel", column="day", values=sentinels) == rows(
        1, 4, "1900-01-01 00:00:00"
    )
    allowed = of(connection, columns, check="sentinel", column="text", values=sentinels, max_share=0.75)
    assert allowed == ("pass", "3 of 4 rows fail", 3, ["", "-1", "N/A"])


def test_how_values_are_written():
    assert number_texts([1, 0.5, 1e20, 1e-7, True, "x"]) == [
        *("1", "0.5", "1e+20", "100000000000000000000", "1e-07", "0.0000001"),
    ]
    assert literal_texts([True, "a", "2024-01-01", 3]) == ["true", "a", "2024-01-01", "2024-01-01 00:00:00"]


def test_a_sample_is_five_values_the_most_frequent_first(connection):
    values = ["c"] * 3 + ["b", "a", "B", "é", "z", "y", 'say "hi"\n\\']
    found = of(connection, {"a": values}, check="allowed_values", column="a", values=["none"])
    assert found[3] == ["c", "B", "a", "b", 'say "hi"\n\\']


@pytest.mark.parametrize(("hours", "status"), [(35, "pass"), (36, "pass"), (37, "fail")])
def test_freshness(connection, hours, status):
    latest = NOW - timedelta(hours=hours)
    columns = {"a": pa.array([latest, latest - timedelta(days=9), None])}
    found = of(connection, columns, check="freshness", column="a", max_age="36 hours")
    assert found == (status, f"latest is {latest}", None, [])


def test_a_time_after_now_is_not_fresh(connection):
    columns = {"a": pa.array([NOW + timedelta(seconds=1), NOW - timedelta(days=9)])}
    assert of(connection, columns, check="freshness", column="a", max_age="1 day")[0] == "fail"
    nothing = {"a": pa.array([NOW + timedelta(days=1), None])}
    assert of(connection, nothing, check="freshness", column="a", max_age="1 day")[:2] == ("fail", "no time up to now")


def test_now_in_another_zone_is_the_same_moment(connection):
    connection.register("orders", pa.table({"a": pa.array([NOW - timedelta(hours=1)])}))
    check = one(check="freshness", column="a", max_age="61 minutes")
    there = NOW.replace(tzinfo=timezone.utc).astimezone(timezone(timedelta(hours=5)))
    assert run(connection, check, now=there)["status"] == "pass"
    assert run(connection, check, now=there + timedelta(minutes=2))["status"] == "fail"


@pytest.mark.parametrize(
    ("low", "high", "status"), [(3, 3, "pass"), (4, None, "fail"), (None, 2, "fail"), (0, 9, "pass")]
)
def test_row_count(connection, low, high, status):
    bounds = {key: value for key, value in (("min", low), ("max", high)) if value is not None}
    assert of(connection, {"a": [1, 2, None]}, check="row_count", **bounds) == (status, "3 rows", None, [])


def test_no_rows_are_a_count_too(connection):
    connection.execute("CREATE TABLE orders (a INT)")
    assert run(connection, one(check="row_count", min=1))["status"] == "fail"


def against(connection, n, history, **entry):
    connection.register("orders", pa.table({"a": np.arange(n)}))
    connection.register("earlier", pa.table({"n": pa.array(history, pa.int64())}))
    found = run(connection, one(check="row_count", **{"max_z": 3.5, **entry}), history=exp.to_table("earlier"))
    return found["status"], found["actual"]


USUAL = [95, 105, 98, 102, 100, 110, 90, 100]


def test_row_count_against_history(connection):
    spread = max(1.4826 * np.median(np.abs(np.array(USUAL) - 100)), np.sqrt(100), 1)
    limit = int(100 + 3.5 * spread)
    assert against(connection, limit, USUAL) == ("pass", f"{limit} rows; median of 8 earlier windows: 100")
    assert against(connection, limit + 1, USUAL)[0] == "fail"
    assert against(connection, int(100 - 3.5 * spread), USUAL)[0] == "pass"
    assert against(connection, 0, USUAL)[0] == "fail"


def test_the_spread_is_that_of_the_median_where_counts_vary_more(connection):
    wide = [50, 150, 60, 140, 70, 130, 80, 120]
    assert against(connection, 100 + int(3.5 * 1.4826 * 35), wide)[0] == "pass"
    assert against(connection, 101 + int(3.5 * 1.4826 * 35), wide)[0] == "fail"


def test_a_tenfold_count_is_found_with_the_least_history(connection):
    """A z-score that has the tested window in its own history could not exceed 2.7 with nine windows."""
    assert against(connection, 1_000, USUAL, max_z=20)[0] == "fail"


def test_equal_counts_do_not_alarm_at_the_next_row(connection):
    assert against(connection, 101, [100] * 8)[0] == "pass"
    assert against(connection, 1, [0] * 8)[0] == "pass"
    assert against(connection, 9, [0] * 8)[0] == "fail"


def test_too_little_history_is_skipped_but_bounds_hold(connection):
    assert against(connection, 5, USUAL[:7]) == ("skip", "5 rows; median of 7 earlier windows: 100")
    assert against(connection, 5, []) == ("skip", "5 rows; median of 0 earlier windows: none")
    assert against(connection, 5, [], min=6)[0] == "fail"
    assert against(connection, 5, USUAL[:7], least_windows=7)[0] == "fail"
    connection.register("orders", pa.table({"a": [1]}))
    assert run(connection, one(check="row_count", max_z=3))["status"] == "skip"


def by_day(counts, end=datetime(2024, 3, 15)):
    """Times of as many rows a day, the last of them on the day before ``end``."""
    first = end - timedelta(days=len(counts))
    days = [first + timedelta(days=place, hours=5) for place, n in enumerate(counts) for _ in range(n)]
    return {"a": pa.array([*days, None], pa.timestamp("us"))}


def test_row_count_by_time(connection):
    entry = {"check": "row_count", "column": "a", "every": "day"}
    assert of(connection, by_day([*USUAL, 100]), **entry)[:2] == ("pass", "100 rows; median of 8 earlier windows: 100")
    assert of(connection, by_day([*USUAL, 300]), **entry)[0] == "fail"
    assert of(connection, by_day([*USUAL, 0]), **entry)[:2] == ("fail", "0 rows; median of 8 earlier windows: 100")
    assert of(connection, by_day([*USUAL[1:], 100]), **entry)[0] == "skip"
    assert of(connection, by_day([*USUAL, 100]), **entry, min=101)[0] == "fail"


def test_the_window_of_now_is_not_looked_at(connection):
    columns = by_day([*USUAL, 100, 3], end=datetime(2024, 3, 16))
    assert of(connection, columns, check="row_count", column="a", every="day")[0] == "pass"


def test_history_ends_after_thirty_windows(connection):
    found = of(connection, by_day([1_000] * 40 + [100] * 31), check="row_count", column="a", every="day")
    assert found[:2] == ("pass", "100 rows; median of 30 earlier windows: 100")


@pytest.mark.parametrize(
    ("every", "starts"),
    [
        ("hour", [NOW - timedelta(hours=back) for back in range(1, 11)]),
        ("week", [datetime(2024, 3, 11) - timedelta(weeks=back) for back in range(1, 11)]),
        (
            "month",
            [datetime(2024, 2, 1), datetime(2024, 1, 1), *(datetime(2023, month, 1) for month in range(12, 4, -1))],
        ),
    ],
)
def test_windows_of_every_length(connection, every, starts):
    sizes = [7, *[5] * 9]
    times = [start + timedelta(minutes=minute) for start, n in zip(starts, sizes, strict=True) for minute in range(n)]
    found = of(connection, {"a": pa.array(times)}, check="row_count", column="a", every=every)
    assert found[:2] == ("pass", "7 rows; median of 9 earlier windows: 5")


@pytest.mark.parametrize(
    "entry", [EXAMPLES["freshness"][0] | {"check": "freshness"}, EXAMPLES["row_count"][2] | {"check": "row_count"}]
)
def test_a_check_of_times_needs_the_time(entry):
    with pytest.raises(InvalidArgument, match="now"):
        check_select(one(**entry), RELATION, "duckdb")


def test_unknown_dialect():
    with pytest.raises(InvalidArgument, match="mysql"):
        check_select(one(check="not_null", column="a"), RELATION, "mysql")


@pytest.mark.parametrize("kind", CHECKS, ids=lambda kind: kind.name)
def test_columns_and_relations_may_have_any_name(connection, kind):
    """Columns named as those of the steps, in relations named as the steps."""
    names = ["sample", "failing", "times", "n", "type", "latest", "period", "tested", "key_0", "actual", "family"]
    entry = dict(EXAMPLES[kind.name][-1])
    value = {"format": "'ab'", "freshness": "TIMESTAMP '2024-03-15'", "row_count": "TIMESTAMP '2024-03-14'"}
    columns = ", ".join(f'{value.get(kind.name, "7")} AS "{name}"' for name in names)
    for relation in ("judged", "found", "first", "named", "given", "earlier", "timed"):
        connection.execute(f"CREATE TABLE {relation} AS SELECT {columns}")
        for column in names:
            wanted = (
                {"columns": [column, "n"] if column != "n" else ["n"]} if "columns" in entry else {"column": column}
            )
            bounds = {"min": 0, "max": 9} if kind.name == "range" else {}
            check = one(
                check=kind.name, **{**{k: v for k, v in entry.items() if k not in ("max", "key")}, **wanted, **bounds}
            )
            query = check_select(check, exp.to_table(relation), "duckdb", now=NOW).sql("duckdb")
            [(_, _, status, *_)] = connection.execute(query).fetchall()
            assert status in ("pass", "skip") if kind.name != "allowed_values" else status == "fail"


def test_a_query_can_be_checked(connection):
    connection.register("orders", pa.table({"a": [1, 2, 3]}))
    query = exp.select("*").from_("orders").where("a < 3")
    found = connection.execute(
        check_select(Check("row_count", (), {"max": 2}), query, "duckdb").sql("duckdb")
    ).fetchall()
    assert found[0][2] == "pass"


def test_values_and_names_are_never_pasted(connection):
    wild = "'); DROP TABLE orders; --"
    connection.execute("CREATE TABLE orders AS SELECT 'x' AS a")
    connection.execute('ALTER TABLE orders RENAME a TO "a""; DROP TABLE orders; --"')
    check = one(
        check="allowed_values", column='a"; DROP TABLE orders; --', values=[wild, "\\"], key='a"; DROP TABLE orders; --'
    )
    assert run(connection, check)["status"] == "fail"
    assert connection.execute("SELECT COUNT(*) FROM orders").fetchone() == (1,)
