"""Reading a relation: columns, roles, targets, weights, times and groups, and what is refused and how."""

import datetime
import decimal
import re

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.fit.target import class_codes, target_values
from sqlml.kernel.encode import encode
from sqlml.spec import Column, Feature

N = 24


def relation(**columns):
    return pa.table({"x": [float(i % 7) for i in range(N)], "y": [i % 2 == 0 for i in range(N)], **columns})


def cycle(*values):
    return [values[i % len(values)] for i in range(N)]


def refused(error, pieces, table, roles, task="auto"):
    with pytest.raises(error, match=".*".join(map(re.escape, pieces))):
        read_rows(table, roles, task)


def test_columns_keep_their_order_and_get_logical_types():
    query = f"""SELECT i % 2 = 0 AS y, i::TINYINT AS small, (i * 1.5)::DECIMAL(9, 3) AS money, i::REAL AS single,
        i % 3 = 0 AS flag, 'v' || i % 4 AS word, (CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END)::ENUM('a', 'b') AS enum,
        DATE '2024-01-01' + i::INT AS day, TIMESTAMP '2024-01-01 00:00' + INTERVAL (i) HOUR AS moment,
        i::HUGEINT AS huge, NULL AS nothing, uuid()::VARCHAR AS id FROM range({N}) r(i)"""
    with duckdb.connect() as connection:
        table = connection.sql(query).to_arrow_table()
    rows = read_rows(table, Roles("y"))
    types = {column.name: column.type for column in rows.columns}
    assert types == {
        "small": "integer",
        "money": "number",
        "single": "number",
        "flag": "boolean",
        "word": "text",
        "enum": "text",
        "day": "date",
        "moment": "timestamp",
        "huge": "number",
        "nothing": "number",
        "id": "text",
    }
    assert rows.table.column_names == list(types)
    assert rows.notes == ("column 'nothing' is NULL in all rows and tells a model nothing",)
    assert set(rows.source.table.column_names) == set(types)


def test_rows_come_in_the_order_of_their_digests_whatever_the_order_of_the_relation():
    table = relation(i=list(range(N)))
    shuffled = table.take(np.random.default_rng(1).permutation(N))
    one, two = read_rows(table, Roles("y")), read_rows(shuffled, Roles("y"))
    assert (np.diff(one.digest.astype(object)) > 0).all()
    assert one.table.equals(two.table)
    assert (one.target == two.target).all()
    assert one.table.column("i").to_pylist() == one.position.tolist()
    assert shuffled.take(two.position).column("i").equals(two.table.column("i"))


def test_equal_rows_stay_in_the_order_of_the_relation():
    table = pa.table({"x": [1.0, 2.0] * 20, "y": [True, False] * 20, "id": range(40)})
    position = read_rows(table, Roles("y", key_column="id")).position.tolist()
    assert position[:20] == sorted(position[:20])
    assert position[20:] == sorted(position[20:])


def test_the_numbers_of_rows_are_those_of_their_table_and_are_read_once():
    rows = read_rows(relation(word=cycle("a", "b", None), n=cycle(1, None, 3, 4)), Roles("y"))
    features = (Feature("word", "category", ("a", "b")), Feature("n", "number", impute=0.5), Feature("x", "number"))
    part = rows.take(np.array([5, 2, 11]))
    whole, few = rows.matrix(features), part.matrix(features)
    assert np.array_equal(whole, encode(features, dict(zip(rows.table.column_names, rows.table, strict=True))), True)
    assert np.array_equal(few, whole[[5, 2, 11]], equal_nan=True)
    assert few.flags.f_contiguous
    assert rows.matrix(list(features)) is whole
    assert rows.matrix(features[:1]).shape == (N, 1)
    with pytest.raises(ValueError, match="read-only"):
        few[0, 0] = 1.0


def test_take_keeps_all_parts_of_a_row_together():
    table = relation(w=[i + 0.5 for i in range(N)], t=list(range(N)), g=cycle("a", "b", "c"), i=list(range(N)))
    roles = Roles("y", ("x", "i"), weight_column="w", time_column="t", group_column="g")
    rows = read_rows(table, roles)
    part = rows.take(np.array([3, 1]))
    origin = part.table.column("i").to_pylist()
    assert len(part) == 2
    assert part.weight.tolist() == [i + 0.5 for i in origin]
    assert part.time.tolist() == part.position.tolist() == origin
    assert part.target.tolist() == [float(i % 2 == 0) for i in origin]
    assert part.digest.tolist() == rows.digest[[3, 1]].tolist()
    assert len(np.unique(rows.group)) == 3


def test_names_are_found_whatever_their_case_but_an_exact_one_first():
    table = relation().rename_columns(["Xx", "Y"])
    rows = read_rows(table, Roles("y", ("XX",)))
    assert rows.columns == (Column("Xx", "number"),)
    both = relation(X=cycle(1, 2))
    assert read_rows(both, Roles("y", ("X",))).columns == (Column("X", "integer"),)


def test_default_features_are_the_columns_without_a_role():
    table = relation(k=range(N), t=range(N), w=cycle(1.0, 2.0), g=cycle("a", "b"))
    roles = Roles("y", key_column="K", time_column="t", weight_column="w", group_column="g")
    assert [column.name for column in read_rows(table, roles).columns] == ["x"]
    named = Roles("y", ("t", "k"), key_column="k", time_column="t")
    assert [column.name for column in read_rows(table, named).columns] == ["t", "k"]


def test_a_constant_column_is_kept_with_a_note():
    moment = datetime.datetime(2024, 1, 1)
    rows = read_rows(relation(c=cycle(5), s=cycle("same"), t=pa.array(cycle(moment), pa.timestamp("ns"))), Roles("y"))
    assert [note.split("'")[1] for note in rows.notes] == ["c", "s", "t"]
    assert len(rows.columns) == 4
    assert not read_rows(relation(c=cycle(5, None)), Roles("y")).notes


@pytest.mark.parametrize(
    ("column", "task", "expected", "classes"),
    [
        (cycle(True, False), "auto", "binary", ("false", "true")),
        (cycle("yes", "no"), "auto", "binary", ("no", "yes")),
        (cycle("b", "ä", "a", "Z"), "auto", "multiclass", ("Z", "a", "b", "ä")),
        (pa.array(cycle("b", "a")).dictionary_encode(), "auto", "binary", ("a", "b")),
        (cycle(0, 1), "auto", "binary", ("0", "1")),
        (cycle(10, 9), "auto", "binary", ("9", "10")),
        (cycle(-1.0, 0.5), "auto", "binary", ("-1", "0.5")),
        (cycle(-0.0, 1.0), "auto", "binary", ("0", "1")),
        (cycle(decimal.Decimal("1.50"), decimal.Decimal("2.00")), "auto", "binary", ("1.5", "2")),
        (cycle(1, 2, 10), "auto", "regression", ()),
        (cycle(1.5, 2.5, 3.5), "auto", "regression", ()),
        (cycle(1, 2, 10), "multiclass", "multiclass", ("1", "2", "10")),
        (cycle("a", "b"), "multiclass", "multiclass", ("a", "b")),
        (cycle(0, 1), "regression", "regression", ()),
        (cycle(True, False), "regression", "regression", ()),
    ],
)
def test_task_and_classes_follow_from_the_target(column, task, expected, classes):
    table = relation(label=column)
    rows = read_rows(table, Roles("label", ("x",)), task)
    assert (rows.task, rows.classes) == (expected, classes)
    given = table.column("label").take(rows.position)
    if classes:
        assert [classes[int(code)] for code in rows.target] == [label(value) for value in given.to_pylist()]
        assert class_codes(pa.array(given.to_pylist()), classes, "label").tolist() == rows.target.tolist()
    else:
        assert rows.target.tolist() == [float(value) for value in given.to_pylist()]


def label(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) else str(float(value))


def test_a_number_with_two_values_is_binary_with_a_note():
    rows = read_rows(relation(label=cycle(0, 1)), Roles("label", ("x",)))
    assert "the task is binary" in rows.notes[0]
    assert not read_rows(relation(label=cycle(0, 1)), Roles("label", ("x",)), "binary").notes


LABEL = Roles("label", ("x",))


@pytest.mark.parametrize(
    ("column", "task", "pieces"),
    [
        (cycle(1, None, 3), "auto", ["'label' is NULL in 8 of 24 rows", "WHERE label IS NOT NULL"]),
        (cycle("a", None), "auto", ["NULL in 12 of 24"]),
        (cycle(1.0, float("nan"), 2.0), "auto", ["NaN or infinite in 8 of 24"]),
        (cycle(1.0, float("inf"), 2.0), "regression", ["NaN or infinite in 8 of 24"]),
        (cycle("only"), "auto", ["'only' in all 24 rows", "nothing to learn"]),
        (cycle(True), "auto", ["'true' in all"]),
        (cycle(3.25), "regression", ["'3.25' in all"]),
        (cycle("a", "b", "c"), "binary", ["3 distinct values", "task 'multiclass'"]),
        (cycle(0.5, 1.5, 2.5), "binary", ["3 distinct values", "task 'regression'"]),
        (cycle("1", "2"), "regression", ["is text", "CAST"]),
        (cycle(0.5, 1.0, 2.0), "multiclass", ["fractions", "task 'regression'"]),
        (cycle(datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)), "auto", ["type DATE", "CAST"]),
        (cycle([1], [2]), "auto", ["neither boolean, number nor text"]),
        (cycle(2**53 + 1, 5), "auto", ["from 2^53 on", "VARCHAR"]),
    ],
)
def test_targets_that_cannot_be_learnt(column, task, pieces):
    refused(InvalidData, pieces, relation(label=column), LABEL, task)


@pytest.mark.parametrize(("values", "task"), [(list(map(str, range(1001))), "auto"), (list(range(1001)), "multiclass")])
def test_too_many_classes(values, task):
    table = pa.table({"x": [1.0, 2.0, 3.0] * 667, "label": [*values, *values[:1000]]})
    refused(InvalidData, ["1001 distinct values, more than 1000 classes"], table, LABEL, task)


def test_unknown_task():
    refused(InvalidArgument, ["'classification' is unknown", "multiclass"], relation(), Roles("y"), "classification")


@pytest.mark.parametrize(
    ("column", "pieces"),
    [
        (pa.array(cycle(datetime.datetime(2024, 1, 1)), pa.timestamp("us", "UTC")), ["TIME ZONE", "AT TIME ZONE"]),
        (cycle([1.0]), ["[]", "naming the features"]),
        (cycle({"a": 1}), ["STRUCT", "columns of their own"]),
        (cycle(b"x"), ["BLOB", "CAST"]),
        (cycle(datetime.time(1)), ["TIME", "EXTRACT"]),
        (cycle(2**53 + 1), ["looks like an identifier", "cast it to VARCHAR or leave it out"]),
        (cycle(-(2**60), 0), ["looks like an identifier"]),
        (pa.array(cycle(decimal.Decimal(10**20)), pa.decimal128(38, 0)), ["looks like an identifier"]),
    ],
)
def test_features_that_no_model_reads(column, pieces):
    refused(InvalidData, ["feature column 'bad'", *pieces], relation(bad=column), Roles("y"))
    assert len(read_rows(relation(bad=column), Roles("y", ("x",)))) == N


def test_two_to_the_53rd_is_no_identifier_yet():
    assert read_rows(relation(big=cycle(2**53, -(2**53))), Roles("y")).columns[1] == Column("big", "integer")


@pytest.mark.parametrize(
    ("roles", "pieces"),
    [
        (Roles("z"), ["target 'z' is not a column of the relation", "known are: x, y"]),
        (Roles("y", ("xs",)), ["feature 'xs'", "closest: x"]),
        (Roles("y", weight_column="w"), ["weight_column 'w'"]),
        (Roles("y", ("x", "y")), ["'y' is the target"]),
        (Roles("y", ("x", "X")), ["'x' stands twice"]),
        (Roles("y", time_column="y"), ["'y' cannot be target and time_column"]),
        (Roles("y", ()), ["no feature is left"]),
        (Roles("y", key_column="x"), ["no feature is left"]),
    ],
)
def test_roles_that_do_not_fit_the_relation(roles, pieces):
    refused(InvalidArgument, pieces, relation(), roles)


def test_two_columns_of_one_name():
    table = pa.Table.from_arrays([pa.array(cycle(1, 2)), pa.array(cycle(1, 3)), pa.array(cycle(0, 1))], ["x", "x", "y"])
    refused(InvalidData, ["two columns named 'x'"], table, Roles("y"))


@pytest.mark.parametrize(("rows", "found"), [(0, "no rows"), (19, "only 19 rows")])
def test_too_few_rows(rows, found):
    refused(InvalidData, [found, "20 at least"], relation().slice(0, rows), Roles("y"))
    assert len(read_rows(relation().slice(0, 20), Roles("y"))) == 20


@pytest.mark.parametrize(
    ("column", "pieces"),
    [
        (cycle(1.0, None), ["NULL in 12 of 24", "COALESCE"]),
        (cycle(1.0, -1.0), ["negative, NaN or infinite in 12"]),
        (cycle(1.0, float("nan"), float("inf")), ["infinite in 16"]),
        (cycle(0), ["0 in all rows"]),
        (cycle("1"), ["type VARCHAR", "DOUBLE PRECISION"]),
    ],
)
def test_weights_that_cannot_be_used(column, pieces):
    refused(InvalidData, ["weight column 'w'", *pieces], relation(w=column), Roles("y", weight_column="w"))


DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
MOMENTS = [datetime.datetime(1969, 12, 31) + datetime.timedelta(hours=i) for i in range(N)]


@pytest.mark.parametrize(
    "column",
    [
        DAYS,
        pa.array(DAYS, pa.date64()),
        MOMENTS,
        pa.array(MOMENTS, pa.timestamp("ns")),
        pa.array(MOMENTS, pa.timestamp("us", "Europe/Berlin")),
        list(range(N)),
        [2**60 + i for i in range(N)],
        [i / 3 - 2 for i in range(N)],
        [decimal.Decimal(i) / 8 for i in range(N)],
    ],
)
def test_times_keep_their_order(column):
    rows = read_rows(relation(t=column), Roles("y", time_column="t"))
    assert rows.position[np.argsort(rows.time)].tolist() == list(range(N))


@pytest.mark.parametrize(
    ("column", "pieces"),
    [
        (cycle(DAYS[0], None), ["NULL in 12", "WHERE t IS NOT NULL"]),
        (cycle("2024-01-01"), ["VARCHAR", "CAST it to TIMESTAMP"]),
        (cycle(1.0, float("nan")), ["NaN"]),
    ],
)
def test_times_without_an_order(column, pieces):
    refused(InvalidData, ["time column 't'", *pieces], relation(t=column), Roles("y", time_column="t"))


@pytest.mark.parametrize("column", [cycle("a", "b"), cycle(2**60, 2**60 + 1), cycle(True, False), DAYS[:2] * 12])
def test_groups_are_told_apart(column):
    rows = read_rows(relation(g=column), Roles("y", group_column="g"))
    values = np.array(column, dtype=object)[rows.position]
    assert {value: len(set(rows.group[values == value])) for value in set(column)} == dict.fromkeys(column, 1)
    assert len(set(rows.group)) == 2


@pytest.mark.parametrize(
    ("column", "pieces"), [(cycle("a", None), ["NULL in 12", "COALESCE"]), (cycle([1]), ["CAST it to VARCHAR"])]
)
def test_groups_that_cannot_be_told_apart(column, pieces):
    refused(InvalidData, ["group column 'g'", *pieces], relation(g=column), Roles("y", group_column="g"))


def test_truth_is_read_by_the_labels_of_the_model():
    assert class_codes(pa.array([True, False]), ("false", "true"), "y").tolist() == [1.0, 0.0]
    assert class_codes(pa.array(["b", "a"]).dictionary_encode(), ("a", "b", "c"), "y").tolist() == [1.0, 0.0]
    assert class_codes(pa.array([], pa.int64()), ("0", "1"), "y").tolist() == []
    with pytest.raises(InvalidData, match="'B', not a class of the model; closest: b"):
        class_codes(pa.array(["a", "B"]), ("a", "b"), "y")
    with pytest.raises(InvalidData, match="NULL in 1 of 2"):
        class_codes(pa.array(["a", None]), ("a", "b"), "y")


def test_true_numbers_are_read_or_refused():
    assert target_values(pa.array([1, -2]), "y").tolist() == [1.0, -2.0]
    for column in (pa.array(["1"]), pa.array([1.0, None]), pa.array([float("nan")])):
        with pytest.raises(InvalidData, match="target 'y'"):
            target_values(column, "y")
