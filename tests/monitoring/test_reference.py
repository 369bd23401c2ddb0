"""What is kept of held-out rows is what later rows, which come out of the JSON of a prediction table, would give."""

from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres.client import opened
from sqlml.lifecycle.reference import numbers_of_json

RANDOM = np.random.default_rng(5)
N = 400
NULL = RANDOM.random(N) < 0.1
NUMBERS = RANDOM.normal(0, 1, N) * 10.0 ** RANDOM.integers(-40, 40, N)
NUMBERS[:3] = (np.nan, np.inf, -0.0)
WHOLE = RANDOM.integers(-(2**53), 2**53, N)
GIVEN = {
    "double": pa.array(NUMBERS, mask=NULL),
    "real": pa.array(np.clip(NUMBERS, -1e30, 1e30).astype(np.float32), mask=NULL),
    "big": pa.array(WHOLE, mask=NULL),
    "small": pa.array((WHOLE % 100).astype(np.int16), mask=NULL),
    "money": pa.array([Decimal(int(each)).scaleb(-4) for each in WHOLE], pa.decimal128(20, 4), mask=NULL),
    "long": pa.array([Decimal(int(each) * 10**14 + 7).scaleb(-9) for each in WHOLE], pa.decimal128(38, 9), mask=NULL),
}


def read_out_of_json(engine, values):
    table = pa.table({"i": np.arange(N), "x": values})
    with engine.temporary(table) as source:
        document = engine.json_object({"x": values.type}, "r")
        value = engine.json_values(document, {"x": "DOUBLE"})["x"]
        query = exp.select("i", value.as_("x")).from_(exp.alias_(source, "r", table=True)).order_by("i")
        return [row[1] for row in engine.rows(query.sql(engine.dialect))]


@pytest.mark.parametrize("name", GIVEN)
def test_numbers_are_those_that_duckdb_reads_out_of_json(name):
    with duckdb.connect() as connection:
        expected = read_out_of_json(DuckDBEngine(connection), GIVEN[name])
    assert numbers_of_json(GIVEN[name]).to_pylist() == expected


@pytest.mark.parametrize("name", GIVEN)
def test_numbers_are_those_that_postgres_reads_out_of_json(postgres, name):
    with opened(postgres, owner=None) as engine:
        expected = read_out_of_json(engine, GIVEN[name])
    assert numbers_of_json(GIVEN[name]).to_pylist() == expected
