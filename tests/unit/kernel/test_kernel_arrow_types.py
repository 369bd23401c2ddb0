"""Arrow types as they come out of DuckDB, and in general."""

import duckdb
import pyarrow as pa
import pytest

from sqlml.kernel.arrow_types import CAST_TARGETS, UNSUPPORTED, logical_type, remedy, sql_name
from sqlml.spec import COLUMN_TYPES, Column

OUT_OF_DUCKDB = {
    "true": ("boolean", "BOOLEAN"),
    "1::TINYINT": ("integer", "TINYINT"),
    "1::SMALLINT": ("integer", "SMALLINT"),
    "1::INTEGER": ("integer", "INTEGER"),
    "1::BIGINT": ("integer", "BIGINT"),
    "1::UINTEGER": ("integer", "UINT32"),
    "1::HUGEINT": ("number", "DECIMAL(38,0)"),
    "1.5::DECIMAL(9,2)": ("number", "DECIMAL(9,2)"),
    "1.5::FLOAT": ("number", "REAL"),
    "1.5::DOUBLE": ("number", "DOUBLE PRECISION"),
    "'a'": ("text", "VARCHAR"),
    "'a'::ENUM('a')": ("text", "VARCHAR"),
    "uuid()": ("text", "VARCHAR"),
    "DATE '2020-01-01'": ("date", "DATE"),
    "TIMESTAMP '2020-01-01 00:00:00'": ("timestamp", "TIMESTAMP"),
    "TIMESTAMP_NS '2020-01-01 00:00:00'": ("timestamp", "TIMESTAMP"),
    "NULL": (None, "NULL"),
    "TIMESTAMPTZ '2020-01-01 00:00:00+00'": (UNSUPPORTED, "TIMESTAMP WITH TIME ZONE"),
    "TIME '01:02:03'": (UNSUPPORTED, "TIME"),
    "INTERVAL 1 DAY": (UNSUPPORTED, "INTERVAL"),
    "[1, 2]": (UNSUPPORTED, "INTEGER[]"),
    "[1, 2]::INTEGER[2]": (UNSUPPORTED, "INTEGER[]"),
    "{'a': 1}": (UNSUPPORTED, "STRUCT"),
    "'a'::BLOB": (UNSUPPORTED, "BLOB"),
    "MAP {'a': 1}": (UNSUPPORTED, "MAP"),
}


@pytest.mark.parametrize("sql", OUT_OF_DUCKDB)
def test_types_out_of_duckdb(sql):
    with duckdb.connect() as connection:
        type = connection.sql(f"SELECT {sql} AS x").to_arrow_table().schema.field("x").type
    assert (logical_type(type), sql_name(type)) == OUT_OF_DUCKDB[sql]
    if logical_type(type) == UNSUPPORTED:
        assert remedy(type)


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        (pa.large_string(), "text"),
        (pa.string_view(), "text"),
        (pa.dictionary(pa.int32(), pa.large_string()), "text"),
        (pa.dictionary(pa.int32(), pa.int64()), UNSUPPORTED),
        (pa.float16(), "number"),
        (pa.decimal256(50, 2), "number"),
        (pa.date64(), "date"),
        (pa.timestamp("s"), "timestamp"),
        (pa.duration("us"), UNSUPPORTED),
    ],
)
def test_types_that_others_give(type, expected):
    assert logical_type(type) == expected


def test_no_column_accepts_an_unsupported_type():
    assert not any(Column("x", type).accepts(UNSUPPORTED) for type in COLUMN_TYPES)


def test_every_logical_type_can_be_cast_to_in_duckdb_and_comes_back_as_itself():
    assert set(CAST_TARGETS) == set(COLUMN_TYPES)
    with duckdb.connect() as connection:
        for logical, target in CAST_TARGETS.items():
            schema = connection.sql(f"SELECT CAST(NULL AS {target}) AS x").to_arrow_table().schema
            assert logical_type(schema.field("x").type) == logical


def test_a_remedy_says_how():
    assert "AT TIME ZONE" in remedy(pa.timestamp("us", tz="UTC"))
    assert "EXTRACT(epoch" in remedy(pa.time64("us"))
    assert "columns of their own" in remedy(pa.struct({"a": pa.int64()}))
    assert "CAST" in remedy(pa.binary())
