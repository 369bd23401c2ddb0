"""The chi-square statistic of two samples over their bins, with rare bins taken together.

Where a bin holds next to no rows, one row more or less moves the statistic by more than the chi-square distribution
allows: at 1,000 rows against 50, a single row out of the reference's range adds 19. So the bins that the reference
fills least are taken together until 3 rows of the smaller sample are expected in them; which ones is settled by the
reference alone, for a choice by both samples would itself be by chance.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import exact_sum
from sqlml.measure.formula import formula
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, expression, same, select

_TOGETHER = -1
"""The index under which the rare bins stand together."""


def contingency() -> Steps:
    """The steps from ``shares`` to ``contingency``: by ``comparison`` the statistic ``chi_square`` and ``groups``.

    ``groups`` is the number of bins after rare ones were taken together; of those without a row in both samples
    none is counted.
    """
    ranked: Columns = {
        **same("comparison", "bin", "reference_n", "current_n", "n_reference", "n_current"),
        "before": "SUM(reference_n) OVER (PARTITION BY comparison ORDER BY reference_n, bin "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - reference_n",
    }
    rare = expression("before * LEAST(n_reference, n_current) < 3 * n_reference")
    group = exp.case().when(rare, exp.Literal.number(_TOGETHER)).else_(exp.column("bin"))
    keys = ("comparison", "group_index", "n_reference", "n_current")
    sides = ("reference_n", "current_n")
    term = formula(
        "excess * excess / (reference_n + current_n) * (n_reference + n_current) * (1 / n_reference + 1 / n_current)",
        excess=expression("current_n - (reference_n + current_n) * n_current / (n_reference + n_current)"),
    )
    # The statistic is at most the number of rows.
    statistic = exact_sum(exp.column("term"), expression("bound"))
    filled = ["reference_n + current_n > 0"]
    return {
        "ranked": select(ranked, "shares"),
        "grouped": select({**same("comparison", *sides, *keys[2:]), "group_index": group}, "ranked"),
        "groups": select(
            {**same(*keys), **{side: exp.Sum(this=exp.column(side)) for side in sides}}, "grouped", group_by=keys
        ),
        "group_terms": select(
            {"comparison": "comparison", "term": term, "bound": "2 * (n_reference + n_current)"}, "groups", where=filled
        ),
        "contingency": select(
            {"comparison": "comparison", "chi_square": statistic, "groups": "COUNT(*)"},
            "group_terms",
            group_by=["comparison"],
        ),
    }
