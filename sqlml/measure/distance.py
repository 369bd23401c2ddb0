"""How far two samples of numbers are apart, from the values themselves: no bins, so nothing depends on their edges."""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.cells import MATCH, given_sides
from sqlml.measure.counts import KEYS
from sqlml.measure.exact import LARGEST, exact_sum, flushed
from sqlml.measure.formula import formula, of
from sqlml.measure.given import Steps, within
from sqlml.measure.subset import Columns, all_of, case, cast, expression, joined, number, same, select

KOLMOGOROV_95 = 1.3580986393225505
"""The 95 % point of the Kolmogorov distribution."""

LEAST_SPREAD = 0.001
"""A distance is divided by the standard deviation of the reference, but by no less than this."""

_SLICE = KEYS[1:]


def distances(reference: exp.Table | exp.Query, current: exp.Table | exp.Query) -> Steps:
    """The steps from two relations of values to ``distances``: one row for each window, column and slice.

    Its columns: :data:`KEYS`; ``n_reference`` and ``n_current``, the values compared; ``gap``, the greatest difference
    of the two cumulative distributions; ``area``, the area between them; ``spread``, the population's standard
    deviation of the reference. NULL, NaN, infinities and magnitudes above 1e50 are left out of all of them.
    """
    sound: Columns = {**same("side", *KEYS, "value"), "n": cast(expression("COUNT(*)"), "DOUBLE")}
    here: Columns = {**same(*KEYS, "value"), "reference_n": "0e0", "current_n": "n"}
    there: Columns = {**of("here", *KEYS), **of("there", "value"), "reference_n": "there.n", "current_n": "0e0"}
    matched = joined(select(there, "windows AS here", where=["there.side = 0"]), "sound AS there", MATCH)
    return {
        "given": given_sides(reference, current, {"value": cast(exp.column("value"), "DOUBLE")}),
        "sound": select(sound, "given", where=[within("value", -LARGEST, LARGEST)], group_by=["side", *KEYS, "value"]),
        "windows": select(same(*KEYS), "sound", where=["side = 1"]).distinct(copy=False),
        "sides": all_of([select(here, "sound", where=["side = 1"]), matched]),
        "merged": select(
            {**same(*KEYS, "value"), "reference_n": "SUM(reference_n)", "current_n": "SUM(current_n)"},
            "sides",
            group_by=[*KEYS, "value"],
        ),
        "cumulated": _cumulated(),
        "gaps": _gaps(),
        "areas": _areas(),
        **_spreads(),
        "distances": _joined(),
    }


def _cumulated() -> exp.Select:
    """By comparison and value: the rows of each sample up to it and in all, and the next value."""
    columns: Columns = {**same(*KEYS, "value"), "next_value": _over(expression("LEAD(value)"), rising=True)}
    for side in ("reference", "current"):
        counted = exp.Sum(this=exp.column(f"{side}_n"))
        columns[f"n_{side}"] = _over(counted.copy())
        columns[f"{side}_to"] = _over(counted, rising=True, frame=True)
    columns["span"] = formula("high - low", high=_over(expression("MAX(value)")), low=_over(expression("MIN(value)")))
    return select(columns, "merged")


def _over(function: exp.Expr, *, rising: bool = False, frame: bool = False) -> exp.Expr:
    """A function over the values of a comparison, in rising order, and from the first to the current one."""
    spec = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    order = exp.Order(expressions=[exp.Ordered(this=exp.column("value"), nulls_first=False)])
    return exp.Window(
        this=function,
        partition_by=[exp.column(key) for key in KEYS],
        order=order if rising else None,
        spec=spec if frame else None,
    )


def _gaps() -> exp.Select:
    gap = expression("ABS(reference_to / NULLIF(n_reference, 0) - current_to / NULLIF(n_current, 0))")
    width = exp.Coalesce(this=flushed(expression("next_value - value")), expressions=[number(0)])
    return select({**same(*KEYS, "n_reference", "n_current", "span"), "gap": gap, "width": width}, "cumulated")


def _areas() -> exp.Select:
    """No gap is above 1, so the sum of gaps times widths is at most the span of the values."""
    columns: Columns = {
        **same(*KEYS),
        "n_reference": "MIN(n_reference)",
        "n_current": "MIN(n_current)",
        "gap": "MAX(gap)",
        "area": exact_sum(expression("gap * width"), expression("2 * span")),
    }
    return select(columns, "gaps", group_by=KEYS)


def _spreads() -> Steps:
    """The standard deviation of each reference, read a second time around its mean; 0 where it is constant."""
    groups: Columns = {
        **same(*_SLICE),
        "total": "SUM(n)",
        "low": "MIN(value)",
        "high": "MAX(value)",
        "bound": "2 * SUM(n) * MAX(ABS(value))",
    }
    rows: Columns = {
        **of("there", *_SLICE, "value", "n"),
        **of("here", "total", "low", "high", "bound"),
    }
    means: Columns = {
        **same(*_SLICE),
        **{key: exp.Min(this=exp.column(key)) for key in ("total", "low", "high")},
        "mean": formula("total_sum / MIN(total)", total_sum=exact_sum(expression("value * n"), exp.column("bound"))),
    }
    far: Columns = {
        **of("there", *_SLICE, "n"),
        **of("here", "total", "low", "high"),
        "distance": flushed(expression("ABS(there.value - here.mean)")),
    }
    square_bound = formula("2 * total * width * width", width=flushed(expression("high - low")))
    squares = exact_sum(expression("n * distance * distance"), square_bound)
    spread = formula("CASE WHEN MIN(low) = MAX(high) THEN 0e0 ELSE SQRT(squares / MIN(total)) END", squares=squares)
    return {
        "reference_values": select(same(*_SLICE, "value", "n"), "sound", where=["side = 0"]),
        "reference_groups": select(groups, "reference_values", group_by=_SLICE),
        "reference_rows": joined(select(rows, "reference_groups AS here"), "reference_values AS there", MATCH),
        "reference_means": select(means, "reference_rows", group_by=_SLICE),
        "reference_far": joined(select(far, "reference_means AS here"), "reference_values AS there", MATCH),
        "spreads": select({**same(*_SLICE), "spread": spread}, "reference_far", group_by=_SLICE),
    }


def _joined() -> exp.Select:
    columns: Columns = {
        **of("here", *KEYS, "n_reference", "n_current", "gap", "area"),
        **of("there", "spread"),
    }
    return joined(select(columns, "areas AS here"), "spreads AS there", MATCH, "left")


def kolmogorov_tail(x: exp.Expr) -> exp.Expr:
    """The probability that the limit of the scaled Kolmogorov-Smirnov statistic is above ``x``, from 0.

    From 1 on, 2 times the alternating sum of exp(-2 k² x²); below 1, one minus the form of the theta function that
    converges there. Both to 1e-15; outside 0.04 to 18 the tail is 1 or 0 to that precision.
    """
    high = (
        "2 * (EXP(-2 * x * x) - EXP(GREATEST(-8 * x * x, -690e0)) "
        "+ EXP(GREATEST(-18 * x * x, -690e0)) - EXP(GREATEST(-32 * x * x, -690e0)))"
    )
    low = (
        "1 - 2.5066282746310002e0 / x * (EXP(GREATEST(w, -690e0)) + EXP(GREATEST(9 * w, -690e0)) "
        "+ EXP(GREATEST(25 * w, -690e0)) + EXP(GREATEST(49 * w, -690e0)))"
    )
    w = formula("-1.2337005501361697e0 / (x * x)", x=x)
    return case(
        (formula("x < 0.04e0", x=x), number(1)),
        (formula("x < 1", x=x), formula(low, x=x, w=w)),
        (formula("x < 18", x=x), formula(high, x=x)),
        otherwise=number(0),
    )
