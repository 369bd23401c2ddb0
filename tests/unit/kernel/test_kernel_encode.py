"""Columns found by name, and values read exactly as SQL reads them in DuckDB."""

import datetime
import math
import random
from decimal import Decimal, localcontext

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import FeatureMismatch
from sqlml.kernel.encode import ZERO, encode, locate, unseen
from sqlml.spec import TIMESTAMP_PARTS, Column, Constant, Feature, Model

SQL_PARTS = {
    "day_of_week": "isodow",
    "day_of_year": "doy",
    **{part: part for part in ("year", "month", "day", "epoch", "hour", "minute")},
}


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        yield connection


def model(**columns):
    named = tuple(Column(name, type) for name, type in columns.items())
    return Model("regression", named, (), Constant((0.0,)), "identity")


def same_bits(ours, theirs):
    missing = np.isnan(theirs)
    np.testing.assert_array_equal(np.isnan(ours), missing)
    np.testing.assert_array_equal(ours[~missing].view(np.int64), theirs[~missing].view(np.int64))


def read_by_both(duck, texts, type, kind, expression="x::DOUBLE"):
    """One column of texts cast to an SQL type: as :func:`encode` reads it, and as SQL reads it."""
    given = pa.table({"s": pa.array(texts, pa.string())})  # noqa: F841, read by DuckDB
    rows = duck.sql(f"SELECT x, ({expression})::DOUBLE AS y FROM (SELECT s::{type} AS x FROM given)").to_arrow_table()
    theirs = rows["y"].combine_chunks().to_numpy(zero_copy_only=False)
    return encode([Feature("x", kind)], {"x": rows["x"]})[:, 0], theirs


class TestLocate:
    def test_order_is_free_and_others_are_ignored(self):
        types = [pa.string(), pa.float64(), pa.int64()]
        assert locate(model(a="integer", b="number"), ["other", "b", "a"], types) == (2, 1)

    def test_exact_name_wins_over_one_that_differs_by_case(self):
        assert locate(model(a="integer"), ["A", "a"], [pa.int64()] * 2) == (1,)
        assert locate(model(Ab="integer"), ["aB"], [pa.int64()]) == (0,)

    def test_two_columns_of_the_model_that_differ_by_case_do_not_share_one(self):
        with pytest.raises(FeatureMismatch, match="lacks column 'A'"):
            locate(model(A="integer", a="integer"), ["a"], [pa.int64()])

    def test_missing_columns_are_named_with_the_closest_given(self):
        with pytest.raises(FeatureMismatch) as error:
            locate(model(distance="number", carrier="text"), ["distanc", "dep"], [pa.float64()] * 2)
        assert error.value.message == (
            "the row lacks columns 'distance' (did you mean 'distanc'?), 'carrier' that the model reads; "
            "its columns are 'distanc', 'dep'"
        )

    def test_ambiguous_names(self):
        for names in (["AB", "aB"], ["ab", "ab"]):
            with pytest.raises(FeatureMismatch, match=f"'ab' could be any of '{names[0]}', '{names[1]}'; give exactly"):
                locate(model(ab="integer"), names, [pa.int64()] * 2)

    def test_types_that_lose_information(self):
        with pytest.raises(FeatureMismatch) as error:
            locate(
                model(**{'a"b': "integer", "at": "timestamp", "fine": "number"}),
                ['a"b', "at", "fine"],
                [pa.string(), pa.timestamp("us", tz="UTC"), pa.decimal128(9, 2)],
            )
        assert error.value.message == (
            "column 'a\"b' is VARCHAR and the model reads it as integer; "
            'pass CAST("a""b" AS BIGINT) under the same name; '
            "column 'at' is TIMESTAMP WITH TIME ZONE and the model reads it as timestamp; "
            "its parts depend on the session's time zone; turn it into a TIMESTAMP with AT TIME ZONE 'UTC'"
        )

    def test_a_bare_null_fits_every_column(self):
        assert locate(model(a="text", b="date"), ["a", "b"], [pa.null()] * 2) == (0, 1)


class TestNumbers:
    @pytest.mark.parametrize("type", ["TINYINT", "USMALLINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"])
    def test_integers_of_any_size(self, duck, type):
        draw = random.Random(type)
        bits = {"TINYINT": 7, "USMALLINT": 16, "INTEGER": 31, "BIGINT": 63, "UBIGINT": 64}.get(type, 127)
        lowest = 0 if type.startswith("U") else -(2**bits)
        numbers = [draw.randrange(max(lowest, -(2**size)), 2**size) for size in range(1, bits) for _ in range(40)]
        numbers += [lowest, 2**bits - 1, 0]
        numbers += [near for power in (53, 54, 63, 64) for near in (2**power - 1, 2**power + 1) if power < bits]
        same_bits(*read_by_both(duck, [*map(str, numbers), None], type, "number"))

    @pytest.mark.parametrize("precision", [4, 9, 18, 19, 28, 38])
    def test_decimals_of_any_scale(self, duck, precision):
        draw = random.Random(precision)
        for scale in sorted({0, 1, 2, precision // 2, min(22, precision), min(23, precision), precision}):
            digits = [draw.randrange(-(10**size) + 1, 10**size) for size in range(1, precision + 1) for _ in range(20)]
            digits += [sign * (2**53 + off) for sign in (1, -1) for off in (-1, 0, 1) if 10**precision > 2**54]
            with localcontext() as context:
                context.prec = 60
                texts = [f"{Decimal(number).scaleb(-scale):f}" for number in digits]
            same_bits(*read_by_both(duck, [*texts, None], f"DECIMAL({precision},{scale})", "number"))

    @pytest.mark.parametrize("type", ["FLOAT", "DOUBLE"])
    def test_floats_of_any_kind(self, duck, type):
        texts = ["0.1", "-0.0", "1e-40", "3e38", "inf", "-inf", "nan", None]
        same_bits(*read_by_both(duck, texts, type, "number"))

    def test_booleans_are_numbers_too(self, duck):
        for kind in ("number", "boolean"):
            same_bits(*read_by_both(duck, ["true", None, "false"], "BOOLEAN", kind))

    def test_types_that_duckdb_does_not_have(self):
        wide = pa.array([Decimal("1.5"), None], pa.decimal256(60, 2))
        half = pa.array(np.array([1.5, np.nan], dtype=np.float16))
        small = [pa.array([Decimal("1.5"), None], pa.decimal32(5, 2))] if hasattr(pa, "decimal32") else []
        for array in (wide, half, *small):
            same_bits(encode([Feature("x", "number")], {"x": array})[:, 0], np.array([1.5, np.nan]))

    def test_slices_and_chunks(self):
        whole = pa.array([Decimal(number) / 4 for number in range(40)], pa.decimal128(9, 2))
        chunked = pa.chunked_array([whole[3:10], whole[10:10], whole[10:]])
        expected = np.arange(3, 40) / 4
        same_bits(encode([Feature("x", "number")], {"x": chunked})[:, 0], expected)
        no_chunk = pa.chunked_array([], pa.int64())
        assert encode([Feature("x", "number")], {"x": no_chunk}).shape == (0, 1)


MOMENTS = [
    "1970-01-01 00:00:00",
    "1969-12-31 23:59:59.999999",
    "1969-12-31 23:59:59.000001",
    "1900-02-28 12:34:56.789",
    "2000-02-29 23:59:59.5",
    "2024-12-30 00:00:00.1",
    "2256-01-01 07:08:09.123457",
    "0001-01-01 01:01:01",
    "0044-03-15 (BC) 01:00:00",
    "40000-12-31 13:00:00.000003",
    "infinity",
    "-infinity",
    None,
]


class TestDates:
    @pytest.mark.parametrize("part", TIMESTAMP_PARTS)
    @pytest.mark.parametrize("type", ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"])
    def test_every_part_as_extract_gives_it(self, duck, type, part):
        texts = [text for text in MOMENTS if type != "TIMESTAMP_NS" or text is None or text[0] in "12i-"]
        extract = f"EXTRACT({SQL_PARTS[part]} FROM x)"
        ours, theirs = read_by_both(duck, texts, type, part, extract)
        same_bits(ours, theirs)
        assert not np.isnan(ours[:5]).any()

    @pytest.mark.parametrize("part", TIMESTAMP_PARTS)
    def test_random_microseconds(self, duck, part):
        draw = random.Random(part)
        moments = np.array([draw.randrange(-(2 ** draw.randrange(40, 58)), 2**57) for _ in range(2000)])
        given = pa.table({"x": pa.array(moments, pa.timestamp("us"))})
        theirs = duck.sql(f"SELECT EXTRACT({SQL_PARTS[part]} FROM x)::DOUBLE AS y FROM given").to_arrow_table()["y"]
        ours = encode([Feature("x", part)], {"x": given["x"]})[:, 0]
        same_bits(ours, theirs.combine_chunks().to_numpy())

    @pytest.mark.parametrize("part", TIMESTAMP_PARTS)
    def test_nanoseconds_before_1970_lose_their_last_digits_as_in_duckdb(self, duck, part):
        texts = ["1969-12-31 23:59:59.999999999", "1969-12-31 23:59:59.123456789", "1970-01-01 00:00:00.000000001"]
        same_bits(*read_by_both(duck, texts, "TIMESTAMP_NS", part, f"EXTRACT({SQL_PARTS[part]} FROM x)"))

    @pytest.mark.parametrize("part", TIMESTAMP_PARTS)
    def test_a_date_given_for_a_timestamp_is_its_midnight(self, duck, part):
        extract = f"EXTRACT({SQL_PARTS[part]} FROM CAST(x AS TIMESTAMP))"
        same_bits(*read_by_both(duck, ["1969-12-31", "2300-03-01", None], "DATE", part, extract))

    def test_date64(self):
        days = pa.array([datetime.date(1969, 12, 31), None], pa.date64())
        same_bits(encode([Feature("x", "epoch")], {"x": days})[:, 0], np.array([-86400.0, np.nan]))


class TestCategories:
    feature = Feature("x", "category", ("", "Rome", "rome", "Zürich"))
    values = ("rome", "Rome", "Rome ", "", None, "Zu\u0308rich", "Zürich")
    codes = (2.0, 1.0, math.nan, 0.0, math.nan, math.nan, 3.0)

    @pytest.mark.parametrize("type", [pa.string(), pa.large_string(), pa.string_view()])
    def test_exact_text_in_any_storage(self, type):
        array = pa.array(self.values, pa.string()).cast(type)
        same_bits(encode([self.feature], {"x": array})[:, 0], np.array(self.codes))
        assert unseen([self.feature], {"x": array}) == {"x": 2}

    def test_dictionaries_that_differ_by_chunk(self):
        chunks = [pa.array(self.values).dictionary_encode(), pa.array(self.values[::-1]).dictionary_encode()]
        column = pa.chunked_array(chunks)
        same_bits(encode([self.feature], {"x": column})[:, 0], np.array(self.codes + self.codes[::-1]))
        assert unseen([self.feature], {"x": column}) == {"x": 4}

    def test_an_enum_and_a_case_expression_in_duckdb(self, duck):
        expression = "CASE x::VARCHAR WHEN '' THEN 0 WHEN 'Rome' THEN 1 WHEN 'rome' THEN 2 WHEN 'Zürich' THEN 3 END"
        for type in ("VARCHAR", "ENUM('rome', 'Oslo', 'Zürich', '')"):
            texts = ["rome", "Oslo", None, "", "Zürich"]
            given = pa.table({"s": pa.array(texts)})  # noqa: F841, read by DuckDB
            sql = f"SELECT x, ({expression})::DOUBLE AS y FROM (SELECT s::{type} AS x FROM given)"
            rows = duck.sql(sql).to_arrow_table()
            theirs = rows["y"].combine_chunks().to_numpy(zero_copy_only=False)
            same_bits(encode([self.feature], {"x": rows["x"]})[:, 0], theirs)

    def test_no_category_is_known(self):
        nothing = Feature("x", "category")
        assert np.isnan(encode([nothing], {"x": pa.array(["a", None])})).all()
        assert unseen([nothing, Feature("y", "number")], {"x": pa.array(["a", None])}) == {"x": 1}


class TestSteps:
    def test_the_order_is_read_missing_impute_scale(self):
        feature = Feature("x", "number", impute=7.0, center=1.0, scale=3.0, zero_is_missing=True)
        values = pa.array([0.0, -0.0, ZERO, -ZERO, math.nextafter(ZERO, 1), math.nan, None, 4.0, math.inf])
        expected = [2.0, 2.0, 2.0, 2.0, (math.nextafter(ZERO, 1) - 1.0) / 3.0, 2.0, 2.0, 1.0, math.inf]
        assert encode([feature], {"x": values})[:, 0].tolist() == expected

    def test_zero_is_a_number_where_nothing_else_is_said(self):
        values = pa.array([0.0, -0.0, 1e-36])
        same_bits(encode([Feature("x", "number")], {"x": values})[:, 0], values.to_numpy())

    def test_an_imputed_category(self):
        feature = Feature("x", "category", ("a", "b"), impute=1.0, center=0.5, scale=2.0)
        assert encode([feature], {"x": pa.array(["a", None, "c"])})[:, 0].tolist() == [-0.25, 0.25, 0.25]

    def test_the_first_category_is_not_a_zero_that_is_missing(self):
        feature = Feature("x", "category", ("a", "b"), zero_is_missing=True)
        assert encode([feature], {"x": pa.array(["a", "b"])})[:, 0].tolist() == [0.0, 1.0]

    def test_scaling_agrees_with_sql(self, duck):
        numbers = np.random.default_rng(0).normal(size=1000) * 1e3
        given = pa.table({"x": numbers})  # noqa: F841, read by DuckDB
        rows = duck.sql("SELECT x, (x - 12.3::DOUBLE) / 0.7::DOUBLE AS y FROM given").to_arrow_table()
        feature = Feature("x", "number", center=12.3, scale=0.7)
        same_bits(encode([feature], {"x": rows["x"]})[:, 0], rows["y"].combine_chunks().to_numpy())

    def test_one_column_feeds_several_features_in_fortran_order(self):
        matrix = encode([Feature("d", "month"), Feature("d", "year")], {"d": pa.array([datetime.date(2020, 5, 1)] * 3)})
        assert matrix.flags.f_contiguous
        assert matrix.tolist() == [[5.0, 2020.0]] * 3

    @pytest.mark.parametrize("kind", ["number", "boolean", "category", "year"])
    def test_a_bare_null_is_missing_for_every_kind(self, kind):
        assert np.isnan(encode([Feature("x", kind)], {"x": pa.nulls(2)})).all()

    def test_infinite_values_overflow_quietly(self):
        feature = Feature("x", "number", center=-1e308, scale=1e-10)
        assert encode([feature], {"x": pa.array([1e308, -math.inf])})[:, 0].tolist() == [math.inf, -math.inf]


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "array"),
        [
            ("number", pa.array(["1"])),
            ("boolean", pa.array([1])),
            ("category", pa.array([1])),
            ("year", pa.array([2000])),
            ("hour", pa.array([datetime.time(1)])),
            ("hour", pa.array([datetime.datetime(2020, 1, 1)], pa.timestamp("us", tz="UTC"))),
        ],
    )
    def test_a_column_of_another_kind(self, kind, array):
        with pytest.raises(FeatureMismatch, match=f"column 'x' is .* and cannot be read as {kind}"):
            encode([Feature("x", kind)], {"x": array})

    def test_a_column_that_is_not_there(self):
        with pytest.raises(FeatureMismatch, match="column 'x' is missing; the columns are 'y'"):
            encode([Feature("x", "number")], {"y": pa.array([1])})

    def test_columns_of_different_length(self):
        with pytest.raises(FeatureMismatch, match="different lengths: 1, 2"):
            encode([Feature("x", "number")], {"x": pa.array([1]), "y": pa.array([1, 2])})
