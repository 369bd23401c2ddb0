"""The gamma distribution in SQL against scipy."""

import math

import pyarrow as pa
import pytest
from scipy import special
from sqlglot import exp

from sqlml.measure.gamma import critical, log_gamma, nodes, tail
from sqlml.measure.subset import chain, same, select

SHAPES = [0.005, 0.02, 0.09, 0.1, 0.11, 0.25, 0.5, 1.0, 1.5, 4.5, 14.5, 25.0, 100.0, 250.0]


@pytest.fixture(scope="module")
def points():
    around = [1e-8, 1e-3, 0.1, 1.0, 30.0, 500.0]
    return [(shape, x) for shape in SHAPES for x in (*around, *(shape * factor for factor in (0.5, 0.9, 1, 1.2, 2, 5)))]


def test_tails_of_all_sizes(connection, points):
    shapes, xs = zip(*points, strict=True)
    connection.register("points", pa.table({"place": range(len(points)), "shape": shapes, "x": xs}))
    query = chain({"nodes": nodes(), **tail("points", ("place",), "tails")}, select(same("place", "upper"), "tails"))
    found = dict(connection.execute(query.sql("duckdb")).fetchall())
    wanted = {place: special.gammaincc(shape, x) for place, (shape, x) in enumerate(points)}
    wanted = {place: upper for place, upper in wanted.items() if upper > 1e-290}
    assert len(wanted) > 120
    assert min(wanted.values()) < 1e-150
    assert {place: found[place] for place in wanted} == pytest.approx(wanted, rel=1e-11, abs=0)


def test_the_point_with_five_percent_above_it(connection):
    connection.register("shapes", pa.table({"shape": SHAPES}))
    steps = {"nodes": nodes(), **critical("shapes", "criticals")}
    found = dict(connection.execute(chain(steps, select(same("shape", "x"), "criticals")).sql("duckdb")).fetchall())
    wanted = {shape: special.gammaincinv(shape, 0.95) for shape in SHAPES}
    assert found == pytest.approx(wanted, rel=1e-10, abs=0)


def test_log_gamma(connection):
    values = [1e-300, 1e-5, 0.1, 0.5, 1.5, 5.0, 12.3, 100.0, 1e4, 1e10, 1e25]
    connection.register("numbers", pa.table({"x": values}))
    query = select({"x": "x", "found": log_gamma(exp.column("x"))}, "numbers").sql("duckdb")
    found = dict(connection.execute(query).fetchall())
    assert found == pytest.approx({x: math.lgamma(x) for x in values}, rel=1e-14, abs=1e-14)
