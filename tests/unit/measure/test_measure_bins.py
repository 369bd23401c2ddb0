"""The frozen bins of a column: where they are cut, what they are called, and the bin of a value in SQL."""

import decimal
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from sqlml.errors import InvalidArgument, InvalidSpec
from sqlml.measure.bins import CategoryBins, NumberBins, bin_expression, bin_labels, bins_json, bins_of, reference_bins
from sqlml.measure.subset import DIALECTS, select

NUMBERS = NumberBins((0.0, 1.5, 4.0), 9.0, (999.0, -1.0))
CATEGORIES = CategoryBins(("it's", "b", ""), ("N/A",))
TWO = {"number": NUMBERS, "category": CATEGORIES, "no numbers": NumberBins((), None), "no categories": CategoryBins(())}


def labels_of(connection, bins, values):
    """The label of each value's bin, computed in SQL."""
    connection.register("numbered", pa.table({"x": values, "place": range(len(values))}))
    query = select({"bin": bin_expression(bins, exp.column("x"))}, "numbered").order_by("place")
    return [bin_labels(bins)[index] for (index,) in connection.execute(query.sql("duckdb")).fetchall()]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", TWO)
def test_golden_expression(golden, name, dialect):
    tree = bin_expression(TWO[name], exp.column("Amount", quoted=True))
    golden(f"bins_{name.replace(' ', '_')}.{dialect}.sql", exp.select(tree).sql(dialect, pretty=True))


def test_quantiles_of_a_continuous_column_hold_equal_shares(connection):
    values = np.random.default_rng(1).normal(size=10_000)
    bins = reference_bins(pa.array(values))
    assert len(bins.edges) == 10
    assert (bins.edges[0], bins.maximum) == (values.min(), values.max())
    found = labels_of(connection, bins, values)
    assert [found.count(label) for label in bin_labels(bins)[2:-1]] == [1_000] * 10


def test_the_number_of_quantiles_can_be_chosen():
    assert len(reference_bins(pa.array(np.arange(1_000.0)), quantiles=30).edges) == 30


def test_few_distinct_values_are_bins_of_their_own():
    assert reference_bins(pa.array([3, 1, 1, 2])) == NumberBins((1.0, 2.0, 3.0), 3.0)
    assert reference_bins(pa.array([5, 5])) == NumberBins((5.0,), 5.0)


def test_a_value_that_is_several_quantiles_has_a_bin_of_its_own():
    values = np.concatenate([np.zeros(700), np.arange(1.0, 301.0)])
    edges = reference_bins(pa.array(values)).edges
    assert edges[:2] == (0.0, 1.0)
    assert len(edges) < 10
    at_the_top = reference_bins(pa.array(-values))
    assert at_the_top.edges[-1] == at_the_top.maximum == 0.0


def test_missing_infinite_and_sentinel_values_move_no_edge():
    values = [float(each) for each in range(100)]
    wild = [*values, None, math.nan, math.inf, -math.inf, 1e9, 1e9]
    assert reference_bins(pa.array(wild), [1e9]).edges == reference_bins(pa.array(values)).edges
    assert reference_bins(pa.array(wild), [1e9]).maximum == 99.0


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 2, 3], pa.int8()),
        pa.array([1, 2, 2, 3], pa.uint64()),
        pa.array([1, 2, 2, 3], pa.float32()),
        pa.array([decimal.Decimal(each) for each in ("1.00", "2.00", "2.00", "3.00")]),
        pa.chunked_array([[1.0, 2.0], [2.0, None, 3.0]]),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_of_number(values):
    assert reference_bins(values) == NumberBins((1.0, 2.0, 3.0), 3.0)


def test_a_decimal_becomes_the_nearest_double():
    assert reference_bins(pa.array([decimal.Decimal("0.1"), decimal.Decimal("8.05")])).edges == (0.1, 8.05)


@pytest.mark.parametrize("values", [pa.nulls(3), pa.array([None, math.nan, 7.0])])
def test_a_reference_without_numbers_has_no_edge(values):
    assert reference_bins(values, [7]) == NumberBins((), None, (7.0,))


def test_categories_are_the_most_frequent_ones_ties_by_bytes():
    values = ["ü"] * 10 + ["z"] * 10 + ["a"] * 20 + ["x"] * 5 + ["rare"] * 4 + [None] * 9
    assert reference_bins(pa.array(values)) == CategoryBins(("a", "z", "ü", "x"))
    assert reference_bins(pa.array(values), most=2) == CategoryBins(("a", "z"))
    assert reference_bins(pa.array(values), ["z"]) == CategoryBins(("a", "ü", "x"), ("z",))


@pytest.mark.parametrize(("rows", "seen", "kept"), [(100, 4, 1), (100, 5, 2), (1_000, 19, 1), (1_000, 20, 2)])
def test_a_rare_category_is_one_of_the_others(rows, seen, kept):
    assert len(reference_bins(pa.array(["a"] * (rows - seen) + ["b"] * seen)).categories) == kept


def test_in_a_large_reference_thirty_rows_are_enough():
    assert reference_bins(pa.array(["a"] * 99_941 + ["b"] * 30 + ["c"] * 29)).categories == ("a", "b")


@pytest.mark.parametrize("type_", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_every_type_of_text(type_):
    assert reference_bins(pa.array(["a"] * 6 + [None], pa.string()).cast(type_)) == CategoryBins(("a",))


def test_booleans_are_categories_that_sql_writes_alike(connection):
    bins = reference_bins(pa.array([True] * 9 + [False] * 6 + [None]))
    assert bins == CategoryBins(("true", "false"))
    assert labels_of(connection, bins, [False, True, None]) == ["false", "true", "null"]


@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.date32(), pa.list_(pa.int8()), pa.binary()], ids=str)
def test_a_type_without_bins_is_refused(type_):
    with pytest.raises(InvalidArgument, match="has no bins"):
        reference_bins(pa.array([], type_))


@pytest.mark.parametrize(("values", "sentinel"), [([1.0], "N/A"), (["a"], 999), ([1.0], True)])
def test_a_sentinel_of_another_type_is_refused(values, sentinel):
    with pytest.raises(InvalidArgument, match="sentinel"):
        reference_bins(pa.array(values), [sentinel])


@pytest.mark.parametrize("options", [{"quantiles": 1}, {"most": 0}])
def test_too_few_bins_are_refused(options):
    with pytest.raises(InvalidArgument, match="at least"):
        reference_bins(pa.array([1.0]), **options)


def test_labels_are_distinct_readable_and_in_the_order_of_the_bins():
    assert bin_labels(NUMBERS) == (
        *("null", "below", "[0, 1.5)", "[1.5, 4)", "[4, 9]", "above", "sentinel 999", "sentinel -1"),
    )
    tricky = CategoryBins(("null", "other", "sentinel 1", '"null"', "plain"), ("1",))
    assert bin_labels(tricky) == (
        *("null", '"null"', '"other"', '"sentinel 1"', '""null""', "plain", "other", "sentinel 1"),
    )
    assert len(set(bin_labels(tricky))) == 8


EDGE_CASES = [
    (-0.5, "below"),
    (-1e300, "below"),
    (-math.inf, "below"),
    (0.0, "[0, 1.5)"),
    (-0.0, "[0, 1.5)"),
    (math.nextafter(1.5, 0), "[0, 1.5)"),
    (1.5, "[1.5, 4)"),
    (9.0, "[4, 9]"),
    (math.nextafter(9.0, 10), "above"),
    (math.inf, "above"),
    (999.0, "sentinel 999"),
    (-1.0, "sentinel -1"),
    (math.nan, "null"),
    (None, "null"),
]


def test_every_number_has_the_right_bin(connection):
    values, wanted = zip(*EDGE_CASES, strict=True)
    assert labels_of(connection, NUMBERS, pa.array(values, pa.float64())) == list(wanted)


def test_without_edges_every_number_is_above(connection):
    found = labels_of(connection, NumberBins((), None, (7.0,)), pa.array([1.0, None, 7.0, math.nan, -math.inf]))
    assert found == ["above", "null", "sentinel 7", "null", "above"]


def test_every_text_has_the_right_bin(connection):
    values = ["it's", "b", "B", "b ", "", "N/A", "new", None]
    assert labels_of(connection, CATEGORIES, values) == [
        *("it's", "b", "other", "other", "", "sentinel N/A", "other", "null"),
    ]


def test_integers_and_decimals_are_read_as_doubles(connection):
    assert labels_of(connection, NUMBERS, pa.array([4, 999, -1], pa.int64())) == [
        "[4, 9]",
        "sentinel 999",
        "sentinel -1",
    ]
    assert labels_of(connection, NUMBERS, pa.array([decimal.Decimal("1.49")])) == ["[0, 1.5)"]


FEW = st.sampled_from([0.1, 0.2, 0.30000000000000004, -5.0, 7.25, 1e-300, 1e300])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(FEW, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=40), st.data())
def test_sql_agrees_with_numpy_on_any_numbers(connection, reference, data):
    bins = reference_bins(pa.array(reference), quantiles=data.draw(st.integers(2, 12)))
    values = [*reference, *data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=10))]
    wanted = np.searchsorted(bins.edges, values, side="right") + 1
    wanted[np.array(values) > bins.maximum] = len(bins.edges) + 2
    assert labels_of(connection, bins, values) == [bin_labels(bins)[index] for index in wanted]


@pytest.mark.parametrize("bins", [*TWO.values(), NumberBins((1e-300, 0.1), 0.1)], ids=str)
def test_json_keeps_everything(bins):
    assert bins_of(bins_json(bins)) == bins
    assert bins_json(bins_of(bins_json(bins))) == bins_json(bins)


DAMAGED = [
    "",
    "[]",
    "{}",
    '{"kind":"number"}',
    '{"kind":"colour","edges":[],"maximum":null,"sentinels":[]}',
    '{"kind":"number","edges":[1],"maximum":null,"sentinels":[]}',
    '{"kind":"number","edges":[],"maximum":1,"sentinels":[]}',
    '{"kind":"number","edges":[2,1],"maximum":3,"sentinels":[]}',
    '{"kind":"number","edges":[1,1],"maximum":3,"sentinels":[]}',
    '{"kind":"number","edges":[1,2],"maximum":1.5,"sentinels":[]}',
    '{"kind":"number","edges":[1],"maximum":NaN,"sentinels":[]}',
    '{"kind":"number","edges":["1"],"maximum":3,"sentinels":[]}',
    '{"kind":"number","edges":[true],"maximum":3,"sentinels":[]}',
    '{"kind":"number","edges":[1],"maximum":3,"sentinels":[7,7]}',
    '{"kind":"number","edges":[1],"maximum":3,"sentinels":[],"more":1}',
    '{"kind":"category","categories":"ab","sentinels":[]}',
    '{"kind":"category","categories":["a","a"],"sentinels":[]}',
    '{"kind":"category","categories":["a"],"sentinels":["a"]}',
    '{"kind":"category","categories":[1],"sentinels":[]}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_json_is_refused(text):
    with pytest.raises(InvalidSpec):
        bins_of(text)


def test_json_is_canonical():
    assert json.loads(bins_json(NUMBERS))["kind"] == "number"
    assert " " not in bins_json(NUMBERS)
