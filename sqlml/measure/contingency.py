"""The chi-square statistic of two samples over their bins, with rare bins taken together.

Where few rows are expected in a bin, the statistic does not have the distribution that its p-value is from: at 1,000
rows against 50, a single row out of the reference's range adds 19, and 30 quantile bins alarm too seldom. So bins in
which fewer than ten rows of the smaller sample are expected are taken together until there are about ten. Which ones is
settled by the reference alone, for a choice by both samples would itself depend on chance.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import exact_sum
from sqlml.measure.formula import formula
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, case, cast, expression, same, select

_SIDES = ("reference_n", "current_n")
_SIZES = ("n_reference", "n_current")


def contingency() -> Steps:
    """The steps from ``shares`` to ``contingency``: by ``comparison`` the statistic ``chi_square`` and ``groups``.

    ``groups`` is the number of bins after rare ones were taken together, without those that are empty in both samples.
    """
    keys = ("comparison", "group_index", *_SIZES)
    term = formula(
        "excess * excess / (reference_n + current_n) * (n_reference + n_current) * (1 / n_reference + 1 / n_current)",
        excess=expression("current_n - (reference_n + current_n) * n_current / (n_reference + n_current)"),
    )
    # The statistic is at most the number of rows.
    columns: Columns = {"comparison": "comparison", "term": term, "bound": "2 * (n_reference + n_current)"}
    statistic = exact_sum(exp.column("term"), exp.column("bound"))
    totals: Columns = {side: exp.Sum(this=exp.column(side)) for side in _SIDES}
    return {
        **_groups(),
        "groups": select({**same(*keys), **totals}, "grouped", group_by=keys),
        "group_terms": select(columns, "groups", where=["reference_n + current_n > 0"]),
        "contingency": select(
            {"comparison": "comparison", "chi_square": statistic, "groups": "COUNT(*)"},
            "group_terms",
            group_by=["comparison"],
        ),
    }


def _groups() -> Steps:
    """``grouped``: the rows of ``shares`` with ``group_index``.

    A bin that is new in the window, but so full that ten rows of the smaller sample would be expected in it by both
    samples together, is a group of its own: chance does not fill it. Of the rest, the bins that the reference fills
    least, until ten rows are expected, are group -1. Of the others, those in which fewer than ten are expected are cut
    in the order of their indices into groups of about ten, -2 and below; where they do not make ten together, they
    join group -1. Every other bin is a group of its own.
    """
    passed = same("comparison", "bin", *_SIDES, *_SIZES)
    before = (
        "SUM(reference_n) OVER (PARTITION BY comparison ORDER BY reference_n, bin "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - reference_n"
    )
    kind = expression(
        "CASE WHEN reference_n = 0 AND current_n * LEAST(n_reference, n_current) >= 10 * (n_reference + n_current) "
        "THEN 'own' WHEN before * LEAST(n_reference, n_current) < 10 * n_reference THEN 'least' "
        "WHEN reference_n * LEAST(n_reference, n_current) < 10 * n_reference THEN 'rare' ELSE 'own' END"
    )
    weighed = "CASE WHEN kind = 'rare' THEN reference_n ELSE 0e0 END"
    place = (
        "SUM(rare_n) OVER (PARTITION BY comparison ORDER BY bin ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) "
        "- rare_n / 2"
    )
    parts = "FLOOR(rare_total * LEAST(n_reference, n_current) / (10 * n_reference))"
    slice_ = formula("-2 - FLOOR(place * parts / rare_total)", parts=expression(parts))
    sliced = formula("kind = 'rare' AND parts > 0", parts=expression(parts))
    own = (expression("kind = 'own'"), exp.column("bin"))
    group = case(own, (sliced, cast(slice_, "INT")), otherwise=expression("-1"))
    total = "SUM(rare_n) OVER (PARTITION BY comparison)"
    return {
        "ranked": select({**passed, "before": before}, "shares"),
        "kinds": select({**passed, "kind": kind}, "ranked"),
        "weighed": select({**passed, "kind": "kind", "rare_n": weighed}, "kinds"),
        "placed": select({**passed, "kind": "kind", "place": place, "rare_total": total}, "weighed"),
        "grouped": select({**same("comparison", *_SIDES, *_SIZES), "group_index": group}, "placed"),
    }
