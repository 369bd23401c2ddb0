"""What all numbers about a regression are made of: sums over its rows.

The relation has columns ``truth``, ``score`` (the predicted value) and ``weight``. It is read once.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import LARGEST, SMALLEST, exact_sum, flushed, ratio
from sqlml.measure.given import Steps, given, sound_rows, within
from sqlml.measure.subset import Columns, expression, number, same, select

_TERMS: Columns = {
    "weight": "weight",
    "absolute": "weight * error",
    "squared": "weight * error * error",
    "level": "weight * truth",
}
"""What each row adds to a sum."""


def sums(relation: exp.Table) -> Steps:
    """``sums``: one row that holds what every metric of a regression is made of.

    ``weight``: the total weight; ``absolute`` and ``squared``: of the errors; ``spread``: of the squared distances
    of ``truth`` from its mean, exactly 0 where ``truth`` is constant. Where there is no row, or one is not sound,
    all are NULL.
    """
    finite = {name: within(name, -LARGEST, LARGEST) for name in ("truth", "score")}
    heavy = exp.GTE(this=exp.column("weight"), expression=number(SMALLEST))
    level = exp.case().when(within("truth", -SMALLEST, SMALLEST), number(0)).else_(exp.column("truth"))
    errors: Columns = {"truth": level, "error": flushed(expression("ABS(truth - score)")), "weight": "weight"}
    return {
        **given(relation, {"truth": "DOUBLE", "score": "DOUBLE"}, finite),
        "errors": sound_rows(errors, heavy),
        "terms": select({**same("truth"), **_TERMS}, "errors"),
        "bounds": _bounds(),
        "totals": select(
            {name: exact_sum(exp.column(name), exp.column(f"{name}_bound")) for name in _TERMS},
            "terms",
            beside="bounds",
        ),
        "centre": _centre(),
        **_spread(),
    }


def _bounds() -> exp.Select:
    """For each sum twice the number of rows times its greatest term, and the range of ``truth``."""
    columns: Columns = {
        f"{name}_bound": exp.Mul(
            this=expression("2e0 * COUNT(*)"), expression=exp.Max(this=exp.Abs(this=exp.column(name)))
        )
        for name in _TERMS
    }
    return select({**columns, "lowest": "MIN(truth)", "highest": "MAX(truth)"}, "terms")


def _centre() -> exp.Select:
    columns: Columns = {
        **same("weight", "absolute", "squared", "lowest", "highest"),
        "mean": ratio(exp.column("level"), exp.column("weight")),
        "spread_bound": "weight_bound * (highest - lowest) * (highest - lowest)",
    }
    return select(columns, "totals", beside="bounds")


def _spread() -> Steps:
    """The second reading of the rows, around the mean; the mean of equal values need not be that value."""
    far: Columns = {
        "weight": "terms.weight",
        "distance": flushed(expression("ABS(truth - mean)")),
        **same("spread_bound"),
    }
    total = exact_sum(expression("weight * distance * distance"), exp.column("spread_bound"))
    sums: Columns = {
        **same("weight", "absolute", "squared"),
        "spread": "CASE WHEN lowest = highest THEN 0e0 ELSE total END",
    }
    return {
        "distances": select(far, "terms", beside="centre"),
        "spreads": select({"total": total}, "distances"),
        "sums": select(sums, "centre", beside="spreads"),
    }
