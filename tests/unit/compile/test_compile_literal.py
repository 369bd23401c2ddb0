"""Constants and names: every double to its exact bits, text and identifiers that cannot break out."""

import math
import random
import sqlite3
import struct

import pytest
import sqlglot
from compile_oracle import NAMES, TEXTS, bits
from sqlglot import exp

from sqlml.compile import DIALECTS
from sqlml.compile.dialect import dialect_named
from sqlml.compile.literal import double, identifier, text
from sqlml.errors import InvalidArgument

random.seed(7)
DOUBLES = [struct.unpack("<d", random.randbytes(8))[0] for _ in range(3000)]
DOUBLES = [value for value in DOUBLES if math.isfinite(value)]
DOUBLES += [random.gauss(0, 1) for _ in range(1000)] + [round(random.gauss(0, 100), 4) for _ in range(1000)]
DOUBLES += [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    0.1,
    1 / 3,
    2.0**53 + 2,
    1e22,
    1e23,
]


def select(values, dialect):
    return exp.select(*values).sql(dialect=dialect)


@pytest.mark.parametrize("start", range(0, len(DOUBLES), 1500))
def test_duckdb_reads_every_double_to_its_bits(plain, start):
    wanted = DOUBLES[start : start + 1500]
    found = plain.execute(select([double(value, DIALECTS["duckdb"]) for value in wanted], "duckdb")).fetchone()
    assert [bits(value) for value in found] == [bits(value) for value in wanted]


def test_a_list_of_doubles_in_one_text_is_as_exact(plain):
    from sqlml.compile.expression import _doubles

    found = plain.execute(select([_doubles(DOUBLES)], "duckdb")).fetchone()[0]
    assert [bits(value) for value in found] == [bits(value) for value in DOUBLES]


def test_infinities_and_nan(plain):
    values = [double(value, DIALECTS["duckdb"]) for value in (math.inf, -math.inf, math.nan)]
    found = plain.execute(select(values, "duckdb")).fetchone()
    assert found[:2] == (math.inf, -math.inf)
    assert math.isnan(found[2])


def test_the_text_of_a_double_is_a_cast_in_postgres_and_a_literal_of_its_own_in_oracle():
    assert double(-1e-05, DIALECTS["postgres"]).sql("postgres") == "CAST('-1e-05' AS DOUBLE PRECISION)"
    assert double(-1e-05, DIALECTS["oracle"]).sql("oracle") == "-1e-05d"
    assert double(math.inf, DIALECTS["oracle"]).sql("oracle") == "BINARY_DOUBLE_INFINITY"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_and_names_come_back_from_the_dialects_own_parser(dialect):
    known = DIALECTS[dialect]
    for value in TEXTS:
        read = sqlglot.parse_one(select([text(value, known)], dialect), dialect=dialect)
        assert read.expressions[0].name == value
    for name in NAMES:
        if dialect == "bigquery" and "." in name:
            continue  # a column cannot have that name there: a dot inside the quotes is a path
        read = sqlglot.parse_one(select([exp.Column(this=identifier(name, known))], dialect), dialect=dialect)
        assert read.expressions[0].name.lower() == name.lower()


def test_text_and_names_in_the_engines_at_hand(plain):
    texts = exp.select(*(text(value, DIALECTS["duckdb"]) for value in TEXTS)).sql("duckdb")
    assert list(plain.execute(texts).fetchone()) == list(TEXTS)
    with sqlite3.connect(":memory:") as connection:
        texts = exp.select(*(text(value, DIALECTS["sqlite"]) for value in TEXTS)).sql("sqlite")
        assert list(connection.execute(texts).fetchone()) == list(TEXTS)
    connection.close()


def test_a_nul_character_is_text_in_duckdb_alone(plain):
    assert plain.execute(select([text("a\0b", DIALECTS["duckdb"])], "duckdb")).fetchone() == ("a\0b",)
    with pytest.raises(InvalidArgument, match="NUL character, which text in postgres cannot hold"):
        text("a\0b", DIALECTS["postgres"])


@pytest.mark.parametrize(("name", "written"), [("age", "age"), ("Age", '"Age"'), ("date", '"DATE"'), ("a b", '"a b"')])
def test_plain_names_stay_plain_where_they_are_folded_to_upper_case(name, written):
    assert identifier(name, DIALECTS["snowflake"]).sql("snowflake") == written


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("postgresql", "closest: postgres;"),
        ("sparc", "closest: spark;"),
        ("mssql", "closest: tsql;"),
        ("", "known are: duckdb"),
    ],
)
def test_an_unknown_dialect_is_refused_with_the_closest(asked, hint):
    with pytest.raises(InvalidArgument, match=hint) as caught:
        dialect_named(asked)
    assert all(name in str(caught.value) for name in DIALECTS)


def test_a_dialect_is_found_in_any_case():
    assert dialect_named("SnowFlake") is DIALECTS["snowflake"]
