"""Each kind of feature against the oracle in DuckDB, and in words that every dialect's parser takes."""

import datetime
import math

import pyarrow as pa
import pytest
import sqlglot
from compile_oracle import ARROW_TYPES, ZERO, feature_number
from sqlglot import exp

from sqlml.compile import DIALECTS
from sqlml.compile.columns import check_columns, free_prefix
from sqlml.compile.date_part import DATE_PART_SQL, date_part
from sqlml.compile.feature import COMPILERS, feature_value
from sqlml.compile.row import enum_position
from sqlml.errors import InvalidArgument, InvalidSpec
from sqlml.spec import TIMESTAMP_PARTS, Column, Constant, Feature, Model
from sqlml.spec.feature import KINDS

DUCKDB = DIALECTS["duckdb"]

NUMBERS = [
    None,
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    ZERO,
    -ZERO,
    math.nextafter(ZERO, 1),
    1e-36,
    1e308,
    -2.5,
    7.0,
]
TEXTS = [None, "a", "A", "a ", "", "b'", "ü", "u\u0308", "unseen"]
DAYS = [
    *(None, datetime.date(1, 1, 1), datetime.date(1969, 12, 31), datetime.date(1970, 1, 1), datetime.date(2000, 2, 29)),
    *(datetime.date(2023, 1, 1), datetime.date(2024, 12, 31), datetime.date(9999, 12, 31)),
]
MOMENTS = [day and datetime.datetime.combine(day, datetime.time(23, 59, 58, 123457)) for day in DAYS]


def values_of(plain, feature, type, given, **options):
    plain.register("given", pa.table({"x": pa.array(given, ARROW_TYPES[type], from_pandas=False)}))
    query = exp.select(feature_value(feature, exp.column("x"), DUCKDB, **options)).from_("given")
    return [row[0] for row in plain.execute(query.sql("duckdb")).fetchall()]


def check(plain, feature, type, given, **options):
    found = values_of(plain, feature, type, given, **options)
    assert [value and value.hex() for value in found] == [
        (value := feature_number(feature, one)) and float(value).hex() for one in given
    ]


def test_every_kind_has_a_compiler():
    assert set(COMPILERS) == set(KINDS)


@pytest.mark.parametrize("zero_is_missing", [False, True])
@pytest.mark.parametrize("impute", [None, 0.25])
@pytest.mark.parametrize(("center", "scale"), [(0.0, 1.0), (0.1, 3.0), (0.0, 7.0)])
def test_a_number_is_read_then_imputed_then_scaled(plain, zero_is_missing, impute, center, scale):
    feature = Feature("x", "number", (), impute, center, scale, zero_is_missing)
    check(plain, feature, "number", NUMBERS)
    check(plain, feature, "integer", [None, 0, 1, -5, 2**53 + 1, -(2**63)])


def test_a_boolean_is_zero_or_one(plain):
    check(plain, Feature("x", "boolean"), "boolean", [None, False, True])
    check(plain, Feature("x", "boolean", zero_is_missing=True, impute=0.5), "boolean", [None, False, True])


@pytest.mark.parametrize("position", [None, enum_position])
@pytest.mark.parametrize("categories", [("a", "A", "", "b'", "ü"), ("a ",), ()])
@pytest.mark.parametrize("impute", [None, 1.0, -1.0])
def test_a_category_is_its_position_and_nothing_alike(plain, position, categories, impute):
    check(plain, Feature("x", "category", categories, impute, 0.5, 2.0), "text", TEXTS, position=position)


def test_thousands_of_categories(plain):
    feature = Feature("x", "category", tuple(f"category {number}" for number in range(4000)))
    check(plain, feature, "text", ["category 0", "category 3999", "category 4000", None], position=enum_position)


@pytest.mark.parametrize("part", TIMESTAMP_PARTS)
def test_parts_of_dates_and_timestamps(plain, part):
    check(plain, Feature("x", part), "timestamp", MOMENTS)
    check(plain, Feature("x", part, impute=3.0), "date", DAYS)


def test_nanoseconds_are_cut_off_and_not_rounded(plain):
    nanoseconds = pa.array([1577836799999999999, 1577836800123456789, -1, -1001, None], pa.timestamp("ns"))
    plain.register("given", pa.table({"x": nanoseconds}))
    parts = [date_part(part, exp.column("x"), DUCKDB) for part in ("epoch", "year", "minute")]
    assert plain.execute(exp.select(*parts).from_("given").sql("duckdb")).fetchall() == [
        (1577836799.999999, 2019.0, 59.0),
        (1577836800.123456, 2020.0, 0.0),
        (0.0, 1970.0, 0.0),
        (-1e-06, 1969.0, 59.0),
        (None, None, None),
    ]


@pytest.mark.parametrize("part", TIMESTAMP_PARTS)
def test_an_infinite_date_is_missing(plain, part):
    for moment in ("DATE 'infinity'", "TIMESTAMP '-infinity'"):
        value = date_part(part, sqlglot.parse_one(moment, dialect="duckdb"), DUCKDB)
        assert plain.execute(exp.select(value).sql("duckdb")).fetchone() == (None,)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_part_is_written_as_the_table_says(dialect):
    assert set(DATE_PART_SQL) == set(DIALECTS)
    assert set(DATE_PART_SQL[dialect]) == set(TIMESTAMP_PARTS)
    for part, written in DATE_PART_SQL[dialect].items():
        if dialect == "duckdb":
            written = written.replace(
                "x", "CASE WHEN TYPEOF(x) = 'TIMESTAMP_NS' THEN MAKE_TIMESTAMP(EPOCH_NS(x) // 1000) ELSE x END"
            )
        assert written in date_part(part, exp.column("x"), DIALECTS[dialect]).sql(dialect)


def test_a_column_of_any_name_takes_the_place_of_x():
    column = exp.column(exp.to_identifier("x'y", quoted=True), table="t")
    assert date_part("epoch", column, DIALECTS["trino"]).sql("trino") == (
        'CAST(TO_UNIXTIME(CAST(t."x\'y" AS TIMESTAMP)) AS DOUBLE)'
    )


@pytest.mark.parametrize(
    ("kind", "type"),
    [("number", "text"), ("boolean", "integer"), ("category", "number"), ("hour", "date"), ("year", "text")],
)
def test_a_kind_that_does_not_fit_its_column_is_refused(kind, type):
    model = Model("regression", (Column("x", type),), (Feature("x", kind),), Constant((0.0,)), "identity")
    with pytest.raises(InvalidSpec, match=f"column 'x' is {type} and cannot be read as {kind}"):
        check_columns(model, DUCKDB)


def test_columns_that_differ_by_case_alone_are_refused_where_case_is_ignored():
    columns = (Column("Age", "number"), Column("age", "number"))
    model = Model("regression", columns, (), Constant((0.0,)), "identity")
    with pytest.raises(InvalidArgument, match="'Age' and 'age', which duckdb cannot tell apart"):
        check_columns(model, DUCKDB)
    check_columns(model, DIALECTS["postgres"])


def test_names_in_between_are_no_column_of_the_model():
    columns = (Column("sqlml_raw_0", "number"), Column("SQLML_x_y", "number"))
    assert free_prefix(Model("regression", columns, (), Constant((0.0,)), "identity")) == "sqlml_x_x_"
