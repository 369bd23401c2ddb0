"""What divergences are without drift: their distribution by chance, at these sample sizes and bins.

The chi-square distribution that a divergence approaches is far off where bins hold a few rows only, as 1,000 rows
against 100 in 30 bins do. So mean and variance without drift are computed, and a gamma distribution has these two.

Given the reference, the rows of the current sample in a bin that holds ``a`` of ``n`` reference rows have the
predictive distribution of quantile bins: counts of independent negative binomials of shape ``a`` and the same odds,
given their sum (a Dirichlet-multinomial). ``a`` is at least 1, for rows do fall below the least of ``n`` values. The
moments of independent counts are summed count by count; those given the sum follow by taking out what the divergence
shares with the sum and its square (C. Morris, "Central limit theorems for multinomial sums", 1975, to second order).

PSI leaps where a bin that the reference fills is empty, for its floor puts much into that bin. One gamma distribution
cannot leap, so PSI has two: one of windows in which no such bin is empty, one of the others.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.divergence import TERMS
from sqlml.measure.exact import exact_small_sum
from sqlml.measure.formula import alike, formula, of
from sqlml.measure.gamma import log_gamma
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, all_of, expression, joined, same, select

SPLIT = ("psi",)
"""The divergences that leap where a bin is empty."""

_CASE = ("n_reference", "n_current", "fillable", "reference_n")
"""What the moments of a bin depend on; bins alike in these share them."""

_BOUND = 2.0**26
"""Above all sums here: at most 129 nodes, terms below 20, and squares of at most 60 standard deviations."""

_LAW = ("mean", "variance", "sum_mean", "sum_variance", "linear", "quadratic")
"""Of a divergence T and a sum of counts S: E T, V T, E S, V S, Cov(T, S), and the covariance of T and (S - E S)²."""


def null_parts() -> Steps:
    """The steps from ``shares`` to ``parts``: by ``comparison`` and ``divergence`` the laws that it follows by chance.

    Each of at most two rows has ``part``, ``weight`` (both add up to 1), ``mean`` and ``variance``.
    """
    return {
        "bin_cases": _bin_cases(),
        "bin_grids": _bin_grids(),
        "bin_nodes": _bin_nodes(),
        "bin_terms": _bin_terms(),
        "bin_classes": _bin_classes(),
        "bin_sums": _bin_sums(),
        "bin_moments": _bin_moments(),
        "class_moments": _class_moments(),
        "laws": _laws(),
        **_parts(),
    }


def _bin_cases() -> exp.Select:
    columns: Columns = {
        **same(*_CASE),
        "a": "GREATEST(reference_n, 1e0)",
        "odds": "n_current / fillable",
        "spread": "SQRT(GREATEST(reference_n, 1e0) * n_current / fillable * (1 + n_current / fillable))",
    }
    return select(columns, "shares").distinct(copy=False)


def _bin_grids() -> exp.Select:
    """Which counts of a bin are looked at: all up to 128 of them, else 129 at equal distances.

    They go from 8 standard deviations below the mean to 10 above, and further for the long tail of a lone row.
    """
    low = "GREATEST(0e0, FLOOR(a * odds - 8 * spread))"
    high = "a * odds + 10 * spread + 12 * (1 + odds)"
    columns: Columns = {
        **same(*_CASE, "a", "odds", "spread"),
        "low": low,
        "step": formula("GREATEST(1e0, (high - low) / 128e0)", high=expression(high), low=expression(low)),
        "log_gamma_a": log_gamma(exp.column("a")),
    }
    return select(columns, "bin_cases")


def _bin_nodes() -> exp.Select:
    columns: Columns = {
        **same(*_CASE, "a", "odds", "spread", "low", "step", "log_gamma_a"),
        "y": formula("low + step * CAST(k AS DOUBLE PRECISION)"),
    }
    return select(columns, "bin_grids", beside="GENERATE_SERIES(0, 128) AS steps(k)")


def _bin_terms() -> exp.Select:
    """By case and count ``y``: the logarithm of its probability, ``z``, the share of its step, and the terms."""
    log_probability = formula(
        "log_gamma_y - log_gamma_a - log_gamma_1 + y * LN(odds) - (y + a) * LN(1 + odds)",
        log_gamma_y=log_gamma(expression("y + a")),
        log_gamma_1=log_gamma(expression("y + 1")),
    )
    at = {"p": expression("reference_n / n_reference"), "q": expression("y / n_current")}
    columns: Columns = {
        **same(*_CASE, "spread", "y"),
        "log_probability": log_probability,
        "z": "(y - a * odds) / spread",
        # A sum over counts is the integral and half of what stands at its end.
        "part": "CASE WHEN y = low THEN (1 + 1 / step) / 2 ELSE 1e0 END",
        **{name: formula(term, **at) for name, term in TERMS.items()},
    }
    return select(columns, "bin_nodes")


def _bin_classes() -> exp.Query:
    """Every count, and every count of a bin that is not empty though the reference fills it."""
    passed = same(*_CASE, "spread", "z", *TERMS)
    weighed: Columns = {**passed, "w": "EXP(log_probability) * part"}
    likely = "log_probability > -100"
    sides = [
        select({"class": exp.Literal.string("all"), **weighed}, "bin_terms", where=[likely]),
        select(
            {"class": exp.Literal.string("filled"), **weighed},
            "bin_terms",
            where=[likely, "(y > 0 OR reference_n = 0)"],
        ),
    ]
    return all_of(sides)


def _bin_sums() -> exp.Select:
    sums = {"weight": "w", "z_1": "w * z", "z_2": "w * z * z"}
    terms = {"mean": "w * g", "square": "w * g * g", "linear": "w * g * z", "quadratic": "w * g * z * z"}
    columns: Columns = {**same(*_CASE, "class"), "spread": "MIN(spread)"}
    columns |= {name: exact_small_sum(expression(text), _BOUND) for name, text in sums.items()}
    for name in TERMS:
        for moment, text in terms.items():
            columns[f"{name}_{moment}"] = exact_small_sum(formula(text, g=exp.column(name)), _BOUND)
    return select(columns, "bin_classes", group_by=[*_CASE, "class"])


def _bin_moments() -> exp.Select:
    """By case and class its probability, and the law of each divergence and of the count, in ``z``."""
    m, s = expression("z_1 / weight"), expression("z_2 / weight")
    partition = [exp.column(key) for key in _CASE]
    all_weight = exp.Window(this=expression("MAX(weight)"), partition_by=partition)
    columns: Columns = {
        **same(*_CASE, "class", "spread"),
        "log_probability": formula("LN(weight / all_weight)", all_weight=all_weight),
        "sum_mean": m,
        "sum_variance": formula("s - m * m", s=s, m=m),
    }
    laws = {
        "mean": "mean",
        "variance": "square - mean * mean",
        "linear": "linear - mean * m",
        "quadratic": "quadratic - 2 * m * linear + m * m * mean - mean * (s - m * m)",
    }
    for name in TERMS:
        parts = {each: formula("t / weight", t=exp.column(f"{name}_{each}")) for each in ("mean", "square", *_LAW[4:])}
        columns |= {f"{name}_{moment}": formula(text, m=m, s=s, **parts) for moment, text in laws.items()}
    return select(columns, "bin_sums")


def _class_moments() -> exp.Select:
    """By comparison and class the sums over its bins; ``u`` is a bin's part in the standard deviation of all counts."""
    u = formula("bin_moments.spread / SQRT(m * (1 + m / shares.fillable))", m=exp.column("n_current", table="shares"))
    powers = {"mean": "1e0 * t", "variance": "1e0 * t", "linear": "u * t", "quadratic": "u * u * t"}
    moments = {"log_probability": "1e0 * t", "sum_mean": "u * t", "sum_variance": "u * u * t"}
    moments |= {f"{name}_{moment}": text for name in TERMS for moment, text in powers.items()}
    columns: Columns = {"comparison": "shares.comparison", "class": "bin_moments.class"}
    for moment, text in moments.items():
        tree = formula(text, t=exp.column(moment, table="bin_moments"), u=u)
        columns[moment] = exact_small_sum(tree, _BOUND)
    summed = select(columns, "shares", group_by=["shares.comparison", "bin_moments.class"])
    return joined(summed, "bin_moments", alike("bin_moments", "shares", *_CASE))


def _laws() -> exp.Query:
    """By comparison, divergence and part its probability and the law of independent counts."""
    rows = []
    for name in TERMS:
        for part in ("all", "filled") if name in SPLIT else ("all",):
            columns: Columns = {
                "comparison": "comparison",
                "divergence": exp.Literal.string(name),
                "part": exp.Literal.string(part),
                "probability": "EXP(GREATEST(log_probability, -600e0))",
                **{each: each if each.startswith("sum_") else f"{name}_{each}" for each in _LAW},
            }
            of_class = exp.EQ(this=exp.column("class"), expression=exp.Literal.string(part))
            rows.append(select(columns, "class_moments", where=[of_class]))
    return all_of(rows)


_RAW = {
    "mean": "mean",
    "variance": "variance + mean * mean",
    "sum_mean": "sum_mean",
    "sum_variance": "sum_variance + sum_mean * sum_mean",
    "linear": "linear + mean * sum_mean",
    "quadratic": "quadratic + 2 * sum_mean * linear + mean * (sum_variance + sum_mean * sum_mean)",
}
"""A law as plain moments, which add up over parts: E T, E T², E S, E S², E TS, E TS²."""

_CENTRAL = {
    "mean": "mean",
    "variance": "variance - mean * mean",
    "sum_mean": "sum_mean",
    "sum_variance": "sum_variance - sum_mean * sum_mean",
    "linear": "linear - mean * sum_mean",
    "quadratic": "quadratic - 2 * sum_mean * linear + 2 * sum_mean * sum_mean * mean - mean * sum_variance",
}
"""The way back."""


def _parts() -> Steps:
    """The law where a bin is empty is what is left of all when that where none is empty is taken out."""
    keys = ("comparison", "divergence")
    left: Columns = of("whole", *keys)
    left |= {"part": exp.Literal.string("emptied"), "probability": "1 - filled.probability"}
    for moment in _LAW:
        whole, filled = exp.column(moment, table="whole"), exp.column(moment, table="filled")
        share = expression("filled.probability")
        left[moment] = formula("(whole - share * filled) / (1 - share)", whole=whole, filled=filled, share=share)
    both = ["whole.part = 'all'", "filled.part = 'filled'", "1 - filled.probability > 1e-9"]
    emptied = select(left, "raw_laws AS whole", where=both)
    emptied = joined(emptied, "raw_laws AS filled", alike("filled", "whole", *keys))
    passed = same(*keys, "part", "probability")
    every_law = all_of([select({**passed, **same(*_LAW)}, "laws"), select({**passed, **_CENTRAL}, "emptied_raw")])
    return {
        "raw_laws": select({**passed, **_RAW}, "laws"),
        "emptied_raw": emptied,
        "every_law": every_law,
        "given_sums": select({**passed, **_given_the_sum()}, "every_law"),
        "sound_laws": _sound_laws(),
        "parts": _chosen(),
    }


def _given_the_sum() -> Columns:
    """Mean and variance where all counts add up to the rows of the sample, and how likely they then are."""
    spread = expression("GREATEST(sum_variance, 1e-12)")
    at: dict[str, exp.Expr] = {
        "z": formula("-sum_mean / SQRT(spread)", spread=spread),
        "slope": formula("linear / SQRT(spread)", spread=spread),
        "bend": formula("quadratic / (2 * spread)", spread=spread),
    }
    return {
        "mean": formula("mean + slope * z + bend * (z * z - 1)", **at),
        "variance": formula("variance - slope * slope - 2 * bend * bend", **at),
        "share": formula("probability * EXP(GREATEST(-z * z / 2, -600e0)) / SQRT(spread)", spread=spread, **at),
    }


def _sound_laws() -> exp.Select:
    """Whether both parts are there, likely enough to be computed, and of a mean that can be."""
    sound = (
        "MIN(CASE WHEN mean > 0 AND probability > 1e-3 OR part <> 'filled' AND mean > 0 THEN 1 ELSE 0 END) "
        "OVER (PARTITION BY comparison, divergence)"
    )
    columns: Columns = {
        **same("comparison", "divergence", "part", "mean", "variance", "share"),
        "laws": "COUNT(*) OVER (PARTITION BY comparison, divergence)",
        "sound": sound,
    }
    return select(columns, "given_sums")


def _chosen() -> exp.Select:
    split = expression("CASE WHEN laws = 3 AND sound = 1 THEN part <> 'all' ELSE part = 'all' END")
    columns: Columns = {
        **same("comparison", "divergence", "part", "mean", "variance"),
        "weight": "share / SUM(share) OVER (PARTITION BY comparison, divergence)",
    }
    return select(columns, "sound_laws", where=[split])
