"""Tails and critical values of mixtures of gamma distributions, the laws of statistics without drift.

A step ``tests`` has a row for each part of the law of a statistic: ``comparison``, ``metric``, ``part``, ``weight``
(the weights of a law add up to 1), ``statistic``, ``shape`` and ``unit``; statistic / unit follows the gamma
distribution of that shape. ``shape`` is NULL where the statistic cannot be but 0.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.formula import alike, formula, of
from sqlml.measure.gamma import FALSE_ALARM_RATE, critical, nodes, tail
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, case, expression, joined, number, same, select

_KEYS = ("comparison", "metric")


def p_values(name: str) -> Steps:
    """``name``: by ``comparison`` and ``metric`` the ``statistic`` and its ``p_value``, 1 where it cannot be but 0.

    A step ``nodes`` stands before.
    """
    keys = (*_KEYS, "part")
    points: Columns = {**same(*keys, "shape"), "x": "statistic / unit"}
    # A tail without a row is below 1e-300; rounding must not lift a sum of tails above 1.
    upper = expression(
        "tests.weight * CASE WHEN tests.statistic > 0 AND NOT tests.shape IS NULL THEN COALESCE(tails.upper, 0e0) "
        "ELSE 1e0 END"
    )
    parts = select({**of("tests", *_KEYS, "statistic"), "upper": upper}, "tests")
    columns: Columns = {**same(*_KEYS), "statistic": "MIN(statistic)", "p_value": "LEAST(SUM(upper), 1e0)"}
    return {
        "points": select(points, "tests", where=["statistic > 0", "NOT shape IS NULL"]),
        **tail("points", keys, "tails"),
        "part_tails": joined(parts, "tails", alike("tails", "tests", *keys), "left"),
        name: select(columns, "part_tails", group_by=_KEYS),
    }


def criticals(name: str) -> Steps:
    """``name``: by ``comparison`` and ``metric`` the value ``critical`` that the statistic exceeds in 5 % of all cases.

    That of one distribution is exact to 10 digits. That of several lies between theirs, where it is looked for at 9
    places, and again between the two of them around it, and then taken from the line between the logarithms of the
    tails: good to 3 digits. A step ``nodes`` stands before.
    """
    edges: Columns = {**of("tests", *_KEYS, "part", "weight", "unit", "shape"), "edge": "edge_points.x * tests.unit"}
    found = exp.column("critical", table="refined")
    columns: Columns = {
        **of("brackets", *_KEYS),
        "critical": formula("COALESCE(found, high)", found=found, high=exp.column("high", table="brackets")),
    }
    return {
        "shapes": select(same("shape"), "tests", where=["NOT shape IS NULL"]).distinct(copy=False),
        **critical("shapes", "edge_points"),
        "edges": joined(select(edges, "tests"), "edge_points", alike("edge_points", "tests", "shape")),
        "brackets": select({**same(*_KEYS), "low": "MIN(edge)", "high": "MAX(edge)"}, "edges", group_by=_KEYS),
        "coarse_nodes": nodes(8),
        **_narrowed("brackets", "nearer"),
        **_narrowed("nearer", "nearest"),
        "refined": select({**same(*_KEYS), "critical": _on_the_line()}, "nearest"),
        name: joined(select(columns, "brackets"), "refined", alike("refined", "brackets", *_KEYS), "left"),
    }


def _narrowed(brackets: str, name: str) -> Steps:
    """``name``: of each of ``brackets`` the neighbours ``low`` and ``high``, among 9 places, of that with a 5 % tail.

    Between them the tail falls from ``low_tail`` to ``high_tail``. A bracket without width has no row.
    """
    places, points, tails, sums = (f"{name}_{step}" for step in ("places", "points", "tails", "sums"))
    at_places: Columns = {**same(*_KEYS), "place": "k", "t": "low * EXP(LN(high / low) * k / 8e0)"}
    keys = (*_KEYS, "place", "part")
    x = formula("t / unit", t=exp.column("t", table=places), unit=exp.column("unit", table="edges"))
    at_points: Columns = {**of(places, *_KEYS, "place", "t"), **of("edges", "part", "weight", "shape"), "x": x}
    weighed = formula(
        "SUM(weight * COALESCE(upper, 0e0))",
        weight=exp.column("weight", table=points),
        upper=exp.column("upper", table=tails),
    )
    grouped = [f"{points}.{each}" for each in (*_KEYS, "place", "t")]
    summed = select({**of(points, *_KEYS, "t"), "upper": weighed}, points, group_by=grouped)
    return {
        places: select(
            at_places, brackets, beside="GENERATE_SERIES(0, 8) AS steps(k)", where=["high > low * 1.000000001e0"]
        ),
        points: joined(select(at_points, places), "edges", alike("edges", places, *_KEYS)),
        **tail(points, keys, tails, "coarse_nodes"),
        sums: joined(summed, tails, alike(tails, points, *keys), "left"),
        name: select({**same(*_KEYS), **_around()}, sums, group_by=_KEYS),
    }


def _around() -> Columns:
    texts = {
        "low": "COALESCE(MAX(CASE WHEN upper > rate THEN t END), MIN(t))",
        "high": "COALESCE(MIN(CASE WHEN upper <= rate THEN t END), MAX(t))",
        "low_tail": "COALESCE(MIN(CASE WHEN upper > rate THEN upper END), MAX(upper))",
        "high_tail": "COALESCE(MAX(CASE WHEN upper <= rate THEN upper END), MIN(upper))",
    }
    return {end: formula(text, rate=number(FALSE_ALARM_RATE)) for end, text in texts.items()}


def _on_the_line() -> exp.Expr:
    """Where the tail is 5 %, if its logarithm falls evenly; the upper end where both ends have the same tail."""
    rate = number(FALSE_ALARM_RATE)
    place = formula("low + (high - low) * (LN(low_tail / rate) / LN(low_tail / high_tail))", rate=rate)
    return case((expression("low_tail > high_tail AND high_tail > 0"), place), otherwise=exp.column("high"))
