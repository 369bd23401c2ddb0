"""CSV and JSON hold every value exactly, as a reader of the field's own libraries sees them."""

import csv
import io
import json
from decimal import Decimal

import duckdb
import pytest

from sqlml.cli.output import Output, Printed, print_answer, print_relation

EVERY_TYPE = """
SELECT true AS boolean, 170141183460469231731687303715884105727::HUGEINT AS huge, 9007199254740993 AS above_double,
       0.1 + 0.2::DOUBLE AS inexact, 5e-324::DOUBLE AS smallest, 99999999999999999.9::DECIMAL(18, 1) AS decimal,
       INTERVAL '1 month 2 days' AS months, TIMESTAMP_NS '2020-01-01 01:02:03.123456789' AS nanoseconds,
       DATE '0044-03-15 (BC)' AS ides, 'x'::ENUM('x', 'y') AS chosen, '\\xFF'::BLOB AS bytes,
       '{"a": 1.10000000000000000001}'::JSON AS document, {'a': [1, NULL]} AS nested, MAP {'k': 1} AS mapped,
       'a"b,c' AS quoted, 'line\nline' AS two_lines, '' AS empty, NULL AS missing, 'NaN' AS text_nan, 'é日本' AS wide
"""


@pytest.fixture
def plain():
    with duckdb.connect() as connection:
        yield connection


def printed(capsys, relation, format, limit=None):
    counted = print_relation(relation, Output(format, limit))
    return counted, capsys.readouterr().out


def test_csv_holds_what_duckdb_writes(capsys, plain):
    _, out = printed(capsys, plain.sql(EVERY_TYPE), "csv")
    relation = plain.sql(EVERY_TYPE)
    expected = relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()
    header, row = csv.reader(io.StringIO(out))
    assert header == relation.columns
    assert row == ["" if value is None else value for value in expected[0]]


def test_csv_comes_back_as_it_was(capsys, plain, tmp_path):
    _, out = printed(capsys, plain.sql(EVERY_TYPE), "csv")
    path = tmp_path / "out.csv"
    path.write_text(out, encoding="utf-8")
    back = plain.execute(
        "SELECT * FROM read_csv($path, header = true, all_varchar = true, allow_quoted_nulls = false)",
        {"path": str(path)},
    ).fetchall()
    assert back == plain.sql(EVERY_TYPE).project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()


def test_csv_tells_null_from_the_empty_text(capsys, plain):
    _, out = printed(capsys, plain.sql("SELECT NULL AS a, '' AS b"), "csv")
    assert out == 'a,b\n,""\n'


def test_json_holds_every_value(capsys, plain):
    _, out = printed(capsys, plain.sql(EVERY_TYPE), "json")
    (row,) = json.loads(out, parse_float=Decimal)
    assert row["huge"] == 170141183460469231731687303715884105727
    assert row["above_double"] == 9007199254740993
    assert float(row["inexact"]) == 0.1 + 0.2
    assert float(row["smallest"]) == 5e-324
    assert row["decimal"] == Decimal("99999999999999999.9")
    assert row["document"] == {"a": Decimal("1.10000000000000000001")}
    assert row["nested"] == {"a": [1, None]}
    assert (row["missing"], row["empty"], row["text_nan"], row["wide"]) == (None, "", "NaN", "é日本")
    assert (row["quoted"], row["two_lines"], row["months"]) == ('a"b,c', "line\nline", "1 month 2 days")


def test_json_is_valid_where_a_number_is_none(capsys, plain):
    values = """SELECT 'nan'::DOUBLE AS a, [1.5, '-inf'::DOUBLE] AS b, 'inf'::FLOAT AS c, '"NaN, Infinity' AS d"""
    _, out = printed(capsys, plain.sql(values), "json")

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(out, parse_constant=refuse) == [
        {"a": "NaN", "b": [1.5, "-Infinity"], "c": "Infinity", "d": '"NaN, Infinity'}
    ]


def test_json_has_one_row_a_line_and_no_key_twice(capsys, plain):
    _, out = printed(capsys, plain.sql("SELECT i AS a, i + 1 AS a FROM range(3) AS rows(i)"), "json")
    lines = out.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 5)
    assert json.loads(out)[2] == {"a": 2, "a_1": 3}


@pytest.mark.parametrize(("format", "expected"), [("csv", "a\n"), ("json", "[]\n"), ("table", " a\n───\n")])
def test_no_rows(capsys, plain, format, expected):
    assert printed(capsys, plain.sql("SELECT 1 AS a WHERE false"), format) == (Printed(0, 0), expected)


def test_rows_come_in_order_over_many_batches(capsys, plain):
    counted, out = printed(capsys, plain.sql("SELECT i FROM range(50000) AS rows(i) ORDER BY i DESC"), "csv")
    assert counted == Printed(50_000, 50_000)
    assert out.split()[1:] == [str(number) for number in range(49_999, -1, -1)]


def test_a_table_shows_the_first_rows_and_counts_all(capsys, plain):
    counted, out = printed(capsys, plain.sql("SELECT i FROM range(50000) AS rows(i)"), "table", limit=3)
    assert out.split()[-3:] == ["0", "1", "2"]
    assert str(counted) == "first 3 of 50,000 rows, --limit 0 shows all"


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_limit_that_is_asked_for_holds_everywhere(capsys, plain, format):
    counted, _ = printed(capsys, plain.sql("SELECT i FROM range(50000) AS rows(i)"), format, limit=3)
    assert counted == Printed(3, 3)


def test_the_time_zone_is_the_callers(capsys, plain):
    plain.execute("SET TimeZone = 'Asia/Tokyo'")
    _, out = printed(capsys, plain.sql("SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00' AS t"), "csv")
    assert out == "t\n2020-01-01 09:00:00+09\n"


def test_an_answer_is_one_object(capsys, plain):
    print_answer({"model": "m", "version": 2, "value": 0.5, "reason": None}, plain, Output("json"))
    assert json.loads(capsys.readouterr().out) == {"model": "m", "version": 2, "value": 0.5, "reason": None}
