"""The arithmetic that both engines do alike."""

import math
import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from performance_in_sql import clipped
from sqlglot import exp

from sqlml.measure.exact import SMALLEST, exact_small_sum, exact_sum, flushed, ratio
from sqlml.measure.subset import expression, number, select

X = exp.column("x")


def evaluate(connection, tree, **columns):
    connection.register("numbers", pa.table(columns))
    [(value,)] = connection.execute(select({"value": tree}, "numbers").sql("duckdb")).fetchall()
    return value


def summed(connection, values):
    bound = 2 * len(values) * max(map(abs, values))
    return evaluate(connection, exact_sum(X, number(bound)), x=values)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 1e50).filter(lambda x: x == 0 or x > SMALLEST), min_size=1, max_size=50), st.randoms())
def test_a_sum_is_exact_but_for_its_last_digit_in_any_order(connection, values, shuffler):
    found = summed(connection, values)
    assert found == pytest.approx(math.fsum(values), rel=3e-16, abs=0)
    shuffler.shuffle(values)
    assert summed(connection, values) == pytest.approx(found, rel=3e-16, abs=0)


def test_a_sum_of_both_signs(connection):
    values = [0.1] * 50_000 + [-0.3] * 20_000
    random.Random(1).shuffle(values)
    assert summed(connection, values) == math.fsum(values)


def test_a_sum_where_a_plain_one_drifts(connection):
    values = [0.1] * 500_000
    assert summed(connection, values) == math.fsum(values)
    assert evaluate(connection, expression("SUM(x)"), x=values) != math.fsum(values)


@pytest.mark.parametrize(("numerator", "denominator", "value"), [(1.0, 4.0, 0.25), (1.0, 0.0, None), (0.0, -1.0, None)])
def test_ratio(connection, numerator, denominator, value):
    tree = ratio(expression("a"), expression("b"))
    assert evaluate(connection, tree, a=[numerator], b=[denominator]) == value
    tree = ratio(expression("a"), expression("b"), otherwise=-1.0)
    assert evaluate(connection, tree, a=[numerator], b=[denominator]) == (-1.0 if value is None else value)


def test_operands_keep_their_meaning(connection):
    tree = ratio(expression("a - b"), expression("a + b"))
    assert evaluate(connection, tree, a=[3.0], b=[1.0]) == 0.5


@pytest.mark.parametrize(("value", "wanted"), [(0.0, 2.0**-52), (1.0, 1 - 2.0**-52), (0.25, 0.25), (1e-300, 2.0**-52)])
def test_clipped(connection, value, wanted):
    assert evaluate(connection, clipped(X), x=[value]) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(0.0, 0.0), (9e-51, 0.0), (1e-50, 1e-50), (3.0, 3.0)])
def test_flushed(connection, value, wanted):
    assert evaluate(connection, flushed(X), x=[value]) == wanted


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_number_is_read_as_the_same_double(connection, value):
    assert evaluate(connection, number(value), x=[0]) == value
    assert evaluate(connection, exp.func("typeof", number(value)), x=[0]) == "DOUBLE"


def test_a_sum_far_below_its_bound_is_the_same_in_any_order(connection):
    shuffler = random.Random(2)
    values = [shuffler.expovariate(1) * 1e-13 for _ in range(5_000)]
    found = evaluate(connection, exact_small_sum(X, 2.0**26), x=values)
    assert found == pytest.approx(math.fsum(values), rel=3e-16, abs=0)
    for _ in range(5):
        shuffler.shuffle(values)
        assert evaluate(connection, exact_small_sum(X, 2.0**26), x=values) == found
