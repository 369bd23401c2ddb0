"""Many tests at once: p-values that allow for how many there are."""

from __future__ import annotations

from sqlml.measure.formula import formula
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, case, expression, same, select

FAMILY = ("window_start", "metric")
"""The tests of one metric over all columns and slices of one window are looked at together."""


def adjusted(tests: str, name: str, columns: tuple[str, ...]) -> Steps:
    """``name``: the rows of ``tests`` with ``p_adjusted`` beside ``p_value`` and ``columns``.

    The p-values of each :data:`FAMILY` are adjusted by the step-up method of Y. Benjamini and Y. Hochberg, "Controlling
    the false discovery rate" (1995): of M p-values in rising order, the i-th becomes the least ``p_j * M / j`` of all
    j from i on. An adjusted p-value of at most 0.05 keeps the share of false alarms among the alarms at 5 %, and where
    nothing has drifted the share of windows with any alarm. A NULL stays NULL and does not count.
    """
    place = expression("ROW_NUMBER() OVER (PARTITION BY window_start, metric ORDER BY p_value NULLS LAST)")
    placed: Columns = {
        **same(*columns, *FAMILY, "p_value"),
        "place": place,
        "tested": "COUNT(p_value) OVER (PARTITION BY window_start, metric)",
    }
    least = formula(
        "MIN(LEAST(raised, 1e0)) OVER (PARTITION BY window_start, metric ORDER BY place DESC "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        raised=expression("p_value * tested / place"),
    )
    kept = case((expression("NOT p_value IS NULL"), least))
    return {
        f"{name}_places": select(placed, tests),
        name: select({**same(*columns, *FAMILY, "p_value"), "p_adjusted": kept}, f"{name}_places"),
    }
