"""Fingerprints of rows: what makes them equal, what makes them different, and how fast they are."""

import datetime
import decimal
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlml.fit.digest import dataset_digest, mixed, row_digests, seeded
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles

DAY = datetime.date(2020, 2, 29)
MOMENT = datetime.datetime(2020, 2, 29, 12, 30)

EQUAL = {
    "integer widths": [pa.array([1, None], kind) for kind in (pa.int8(), pa.int32(), pa.uint64(), pa.float32())],
    "decimal": [pa.array([decimal.Decimal("2.50"), None], pa.decimal128(9, 3)), pa.array([2.5, None])],
    "hugeint": [pa.array([7, None], pa.decimal128(38, 0)), pa.array([7, None])],
    "boolean": [pa.array([True, False]), pa.array([1, 0])],
    "zeros": [pa.array([-0.0]), pa.array([0.0]), pa.array([0])],
    "missing": [
        pa.array([None], pa.float64()),
        pa.array([float("nan")]),
        pa.array([None]),
        pa.array([None], pa.string()),
    ],
    "text": [
        pa.array(["ä", "b", None]),
        pa.array(["ä", "b", None], pa.large_string()),
        pa.array(["ä", "b", None], pa.string_view()),
        pa.array(["ä", "b", None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([2, 1, None]), pa.array(["unused", "b", "ä"])),
    ],
    "date": [pa.array([DAY]), pa.array([DAY], pa.date64()), pa.array([datetime.datetime(2020, 2, 29)])],
    "timestamp": [
        pa.array([MOMENT, None], kind)
        for kind in (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "UTC"))
    ],
}


def digests(array):
    return row_digests(pa.table({"a": array})).tolist()


@pytest.mark.parametrize("name", EQUAL)
def test_same_values_in_other_types_have_the_same_digest(name):
    first, *others = map(digests, EQUAL[name])
    assert all(other == first for other in others)


def test_different_values_have_different_digests():
    arrays = [
        pa.array([0.0, 1.0, -1.0, 5e-324, 1e308, np.inf, -np.inf, None]),
        pa.array([2**53, 2**53 + 1, 2**60, 2**60 + 1, -(2**60), 2**63 - 1]),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array(["", "a", "A", "a ", "á", "a\u0301", "0"]),
        pa.array([MOMENT, MOMENT + datetime.timedelta(microseconds=1)]),
    ]
    found = [digest for array in arrays for digest in digests(array)]
    assert len(set(found)) == len(found)


def test_chunks_and_offsets_do_not_matter():
    values = [f"v{i % 7}" for i in range(100)]
    whole = digests(pa.array(values))
    chunks = pa.chunked_array([pa.array(values[i : i + 9]).dictionary_encode() for i in range(0, 100, 9)])
    assert digests(chunks) == whole
    assert digests(pa.array(["x", *values]).slice(1)) == whole


def test_names_matter_and_positions_do_not():
    one = row_digests(pa.table({"a": [1], "b": [2]}))
    assert row_digests(pa.table({"B": [2], "A": [1]})) == one
    assert row_digests(pa.table({"a": [2], "b": [1]})) != one
    assert row_digests(pa.table({"a": [1], "c": [2]})) != one
    assert row_digests(pa.table({"a": [1], "b": [2], "c": pa.array([None], pa.int32())})) != one


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.text(), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_order_of_rows_only_permutes(rows, random):
    permutation = list(range(len(rows)))
    random.shuffle(permutation)
    table = pa.table({name: list(values) for name, values in zip("abc", zip(*rows, strict=True), strict=True)})
    assert (row_digests(table)[permutation] == row_digests(table.take(permutation))).all()


def test_mixing_changes_half_of_the_bits():
    values = np.arange(4096, dtype=np.uint64)
    flips = [np.bitwise_count(mixed(values) ^ mixed(values ^ np.uint64(1 << bit))).mean() for bit in range(64)]
    assert 31 < min(flips) <= max(flips) < 33


def test_seeds_give_other_orders_of_the_same_rows():
    values = mixed(np.arange(2000, dtype=np.uint64))
    one, two = seeded(values, 1), seeded(values, 2)
    assert len(np.unique(one)) == len(values)
    assert abs(np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(two)))[0, 1]) < 0.1


def test_million_rows_of_twenty_numbers_take_less_than_a_second_of_the_processor():
    values = pa.array(np.random.default_rng(0).normal(size=1_000_000))
    table = pa.table({f"c{i}": values for i in range(20)})
    started = time.process_time()
    found = row_digests(table)
    assert time.process_time() - started < 1.0
    assert len(np.unique(found)) == 1_000_000


def data_set(**changes):
    body = {"x": list(range(40)), "s": ["a", "b"] * 20, "y": [i % 3 == 0 for i in range(40)], **changes}
    return pa.table(body)


def test_dataset_digest_ignores_the_order_of_rows_and_the_width_of_types():
    table = data_set()
    first = dataset_digest(read_rows(table, Roles("y")))
    assert dataset_digest(read_rows(table.take(list(reversed(range(40)))), Roles("y"))) == first
    other = data_set(x=pa.array(range(40), pa.int8()), s=pa.array(["a", "b"] * 20).dictionary_encode())
    assert dataset_digest(read_rows(other.select(["s", "y", "x"]), Roles("Y"))) == first
    assert len(first) == 64


@pytest.mark.parametrize(
    ("table", "roles", "task"),
    [
        (data_set(x=[*range(39), 41]), Roles("y"), "auto"),
        (data_set(y=[i % 3 == 1 for i in range(40)]), Roles("y"), "auto"),
        (data_set(x=[float(i) for i in range(40)]), Roles("y"), "auto"),
        (data_set(), Roles("y"), "regression"),
        (data_set(), Roles("y", features=("x",)), "auto"),
        (data_set(), Roles("y", weight_column="x"), "auto"),
        (data_set(), Roles("y", time_column="x"), "auto"),
        (pa.concat_tables([data_set(), data_set()]), Roles("y"), "auto"),
    ],
)
def test_dataset_digest_changes_with_what_is_learnt_from(table, roles, task):
    assert dataset_digest(read_rows(table, roles, task)) != dataset_digest(read_rows(data_set(), Roles("y")))
