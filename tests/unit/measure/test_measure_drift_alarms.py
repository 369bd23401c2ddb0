"""How often each metric alarms: in 5 % of windows without drift, and always where a column has shifted.

Each simulated window is a column of its own, with a reference of its own, and all are compared in one query.
"""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from drift_rows import CURRENT, REFERENCE, TEXT
from sqlglot import exp

from sqlml.measure.bins import NumberBins, bin_labels, reference_bins
from sqlml.measure.drift import drift_metrics, drift_select, ks_select

WINDOWS = 2_000
ALPHA, TOLERANCE = 0.05, 0.015


def table(columns, **more):
    """Rows of many columns, each compared in a window of its own; ``more`` are lists of equally many arrays."""
    sizes = [len(each) for each in next(iter(more.values()))]
    place = np.repeat(np.arange(columns), sizes)
    start = np.datetime64(datetime(2024, 1, 1), "us") + place * np.timedelta64(1, "D")
    nothing = pa.nulls(len(place), TEXT)
    keys = {"window_start": start, "column_name": place.astype(str), "slice_key": nothing, "slice_value": nothing}
    return pa.table({**keys, **{name: np.concatenate(arrays) for name, arrays in more.items()}})


def counted(bins, values):
    """The bins and their counts: numpy's answer to the SELECT of ``counts``, with 0 in empty bins out of range."""
    if isinstance(bins, NumberBins):
        index = np.searchsorted(bins.edges, values, side="right") + 1
        index[values > bins.maximum] = len(bins.edges) + 2
    else:
        known = np.array([*bins.categories])
        order = np.argsort(known)
        place = order[np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)]
        index = np.where(known[place] == values, place + 1, len(known) + 1)
    counts = np.bincount(index, minlength=len(bin_labels(bins)))
    kept = sorted({*np.flatnonzero(counts).tolist(), *bins.open_bins()})
    return np.array(kept), counts[kept]


def alarms(connection, query):
    """By metric the share of windows with an alarm."""
    text = exp.select("metric", "AVG(CAST(drifted AS INT))", "COUNT(*)").from_(query.subquery("found"))
    rows = connection.execute(text.where("NOT drifted IS NULL").group_by("metric").sql("duckdb")).fetchall()
    assert {windows for *_, windows in rows} == {rows[0][2]}
    return {metric: share for metric, share, _ in rows}


def of_counts(connection, sample, n, m, windows, quantiles=10, shift=0.0):
    sides = []
    for _ in range(windows):
        reference, current = sample(n), sample(m)
        bins = reference_bins(pa.array(reference), quantiles=quantiles)
        sides.append((counted(bins, reference), counted(bins, current + shift if shift else current)))
    for name, side in (("reference", 0), ("current_rows", 1)):
        bins, counts = zip(*(pair[side] for pair in sides), strict=True)
        connection.register(name, table(windows, bin=bins, n=counts))
    return alarms(connection, drift_select(REFERENCE, CURRENT, "duckdb"))


def of_values(connection, sample, n, m, windows, shift=0.0):
    connection.register("reference", table(windows, value=[sample(n) for _ in range(windows)]))
    connection.register("current_rows", table(windows, value=[sample(m) + shift for _ in range(windows)]))
    return alarms(connection, ks_select(REFERENCE, CURRENT, "duckdb"))


RANDOM = np.random.default_rng(2024)
WORDS = np.array(["red", "green", "blue", "black", "white", "grey"])


def normal(size):
    return RANDOM.normal(size=size)


def heavy(size):
    return RANDOM.standard_cauchy(size=size)


def words(size):
    return RANDOM.choice(WORDS, size=size, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04])


SIZES = [
    (normal, 1_000, 100, 10),
    (normal, 1_000, 100, 30),
    (normal, 1_000, 50, 10),
    (normal, 1_000, 50, 30),
    (normal, 2_000, 2_000, 10),
    (heavy, 1_000, 5_000, 10),
    (words, 1_000, 100, 10),
    (words, 1_000, 1_000, 10),
]


@pytest.mark.parametrize(("sample", "n", "m", "quantiles"), SIZES)
def test_without_drift_five_percent_of_windows_alarm(connection, sample, n, m, quantiles):
    found = of_counts(connection, sample, n, m, WINDOWS, quantiles)
    assert set(found) == {metric.name for metric in drift_metrics("counts")}
    assert found == pytest.approx(dict.fromkeys(found, ALPHA), abs=TOLERANCE)


@pytest.mark.parametrize(("n", "m"), [(500, 100), (250, 250)])
def test_without_drift_five_percent_of_windows_alarm_by_values(connection, n, m):
    assert of_values(connection, normal, n, m, WINDOWS) == {"ks_statistic": pytest.approx(ALPHA, abs=TOLERANCE)}


@pytest.mark.parametrize("quantiles", [10, 30])
def test_a_shift_of_a_quarter_of_a_standard_deviation_is_found(connection, quantiles):
    found = of_counts(connection, normal, 2_000, 2_000, 200, quantiles, shift=0.25)
    assert set(found) == {metric.name for metric in drift_metrics("counts")}
    assert min(found.values()) >= 0.95


def test_a_shift_of_a_quarter_of_a_standard_deviation_is_found_by_values(connection):
    assert of_values(connection, normal, 2_000, 2_000, 100, shift=0.25)["ks_statistic"] >= 0.95


def test_a_window_of_many_columns_alarms_as_seldom_as_one_of_one(connection):
    """Twenty columns in each window, without drift: the share of windows with any alarm stays at 5 %."""
    columns, windows, n, m = 20, 200, 1_000, 200
    shares = np.full(10, 0.1)
    reference = RANDOM.multinomial(n, shares, size=columns * windows)
    current = RANDOM.multinomial(m, shares, size=columns * windows)
    bins = [np.arange(10)] * (columns * windows)
    both = [table(columns * windows, bin=bins, n=list(side)) for side in (reference, current)]
    day = datetime(2024, 1, 1)
    starts = [day + timedelta(days=place // columns) for place in range(columns * windows) for _ in range(10)]
    connection.register("reference", both[0])
    connection.register("current_rows", both[1].set_column(0, "window_start", pa.array(starts, pa.timestamp("us"))))
    found = drift_select(REFERENCE, CURRENT, "duckdb").subquery("found")
    by_window = exp.select("metric", "window_start", "MAX(CAST(drifted AS INT)) AS any_alarm").from_(found)
    by_window = by_window.group_by("metric", "window_start").subquery("by_window")
    query = exp.select("metric", "AVG(any_alarm)").from_(by_window).group_by("metric").sql("duckdb")
    shares_of_windows = dict(connection.execute(query).fetchall())
    assert shares_of_windows == pytest.approx(dict.fromkeys(shares_of_windows, ALPHA), abs=0.04)
