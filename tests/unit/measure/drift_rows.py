"""Counts and values in tables, and the rows of drift that come of them; shared by the tests of drift."""

from datetime import datetime
from functools import cache

import pyarrow as pa
from sqlglot import exp

from sqlml.measure.counts import KEYS
from sqlml.measure.drift import drift_select, ks_select

SELECTS = {"counts": drift_select, "values": ks_select}
REFERENCE, CURRENT = exp.to_table("reference"), exp.to_table("current_rows")
DAY = datetime(2024, 1, 1)
TEXT = pa.string()


@cache
def query_text(reads):
    return SELECTS[reads](REFERENCE, CURRENT, "duckdb").sql("duckdb")


def counts(rows):
    """``window_start, column_name, slice_key, slice_value, bin, n`` of tuples that may leave out the first."""
    names = (*KEYS, "bin", "n")
    types = (pa.timestamp("us"), TEXT, TEXT, TEXT, pa.int32(), pa.int64())
    full = [row if len(row) == len(names) else (None, *row) for row in rows]
    return pa.table({name: pa.array([row[i] for row in full], types[i]) for i, name in enumerate(names)})


def drift(connection, reference, current):
    connection.register("reference", counts(reference).drop_columns("window_start"))
    connection.register("current_rows", counts(current))
    return rows_of(connection, query_text("counts"))


def rows_of(connection, text):
    found = connection.execute(text)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def values(rows):
    """``window_start, column_name, slice_key, slice_value, value`` of tuples of a column, slice and its values."""
    names = [(DAY if window is None else window, *key) for window, key, numbers in rows for _ in numbers]
    table = {
        key: pa.array([row[i] for row in names], pa.timestamp("us") if i == 0 else TEXT) for i, key in enumerate(KEYS)
    }
    return pa.table({**table, "value": pa.array([each for *_, numbers in rows for each in numbers], pa.float64())})
