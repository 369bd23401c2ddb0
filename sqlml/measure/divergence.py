"""How far the shares of bins are apart, and how far they would be by chance.

``p`` is the share of a bin in the reference, ``q`` its share in the current window; a divergence is a sum of
``term(p, q)`` over the bins. Its distribution without drift depends on both sample sizes and on how many rows the bins
hold; the chi-square distribution that it approaches is far off where bins hold a few rows only, as 1,000 rows against
100 in 30 bins do. So the mean and the variance without drift are computed, and a gamma distribution has these two.

Given the reference, the rows of the current sample in a bin that holds ``a`` of ``n`` reference rows have the
predictive distribution of quantile bins: counts of independent negative binomials of shape ``a`` and the same odds,
given their sum (a Dirichlet-multinomial). ``a`` is at least 1, for rows do fall below the least of ``n`` values. The
moments of independent counts are summed count by count; those given the sum follow by taking out what the divergence
shares with the sum and its square (C. Morris, "Central limit theorems for multinomial sums", 1975, to second order).
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import exact_sum
from sqlml.measure.formula import formula
from sqlml.measure.gamma import log_gamma
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, expression, number, same, select

TERMS = {
    "psi": "(GREATEST(q, 1e-4) - GREATEST(p, 1e-4)) * LN(GREATEST(q, 1e-4) / GREATEST(p, 1e-4))",
    "jensen_shannon": "0.5e0 * (CASE WHEN p > 0 THEN p * LN(2 * p / (p + q)) ELSE 0e0 END "
    "+ CASE WHEN q > 0 THEN q * LN(2 * q / (p + q)) ELSE 0e0 END)",
}
"""By divergence what each bin adds to it, in natural logarithms."""

_CASE = ("n_reference", "n_current", "fillable", "reference_n")
"""What the moments of a bin depend on; bins alike in these share them."""

_MOMENTS = {"mean": "g", "square": "g * g", "linear": "g * z", "quadratic": "g * z * z"}

_BOUND = 2.0**26
"""Above all sums here: at most 129 nodes, terms below 20, and squares of at most 60 standard deviations."""


def divergences() -> Steps:
    """The steps from ``shares`` to ``divergences``: by ``comparison`` each divergence, its null mean and variance.

    Columns ``psi``, ``psi_mean``, ``psi_variance``, and so on. The divergence of equal shares is 0.
    """
    observed: Columns = {"comparison": "comparison", "bins": "MIN(bins)"}
    for name, term in TERMS.items():
        observed[name] = formula("GREATEST(total, 0e0)", total=exact_sum(expression(term), number(_BOUND)))
    return {
        "observed": select(observed, "shares", group_by=["comparison"]),
        "bin_cases": _bin_cases(),
        "bin_grids": _bin_grids(),
        "bin_nodes": _bin_nodes(),
        "bin_terms": _bin_terms(),
        "bin_sums": _bin_sums(),
        "bin_moments": _bin_moments(),
        "independent": _independent(),
        "divergences": _given_the_sum(),
    }


def _bin_cases() -> exp.Select:
    columns: Columns = {
        **same(*_CASE),
        "a": "GREATEST(reference_n, 1e0)",
        "odds": "n_current / fillable",
        "spread": "SQRT(GREATEST(reference_n, 1e0) * n_current / fillable * (1 + n_current / fillable))",
    }
    return select(columns, "shares").distinct()


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
        **same(*_CASE, "spread"),
        "log_probability": log_probability,
        "z": "(y - a * odds) / spread",
        # A sum over counts is the integral and half of what stands at its end.
        "part": "CASE WHEN y = low THEN (1 + 1 / step) / 2 ELSE 1e0 END",
        **{name: formula(term, **at) for name, term in TERMS.items()},
    }
    return select(columns, "bin_nodes")


def _bin_sums() -> exp.Select:
    w = formula("EXP(log_probability) * part")
    sums = {"weight": w, **{f"z_{power}": formula(text, w=w) for power, text in ((1, "w * z"), (2, "w * z * z"))}}
    for name in TERMS:
        for moment, text in _MOMENTS.items():
            sums[f"{name}_{moment}"] = formula("w * term", w=w, term=formula(text, g=exp.column(name)))
    columns: Columns = {**same(*_CASE), "spread": "MIN(spread)"}
    columns |= {name: exact_sum(tree, number(_BOUND)) for name, tree in sums.items()}
    return select(columns, "bin_terms", where=["log_probability > -100"], group_by=_CASE)


def _bin_moments() -> exp.Select:
    """By case and divergence: mean, variance, and the covariances of the term with ``z`` and its square."""
    columns: Columns = {**same(*_CASE, "spread")}
    for name in TERMS:
        parts = {moment: formula("s / weight", s=exp.column(f"{name}_{moment}")) for moment in _MOMENTS}
        columns[f"{name}_mean"] = parts["mean"].copy()
        columns[f"{name}_variance"] = formula("square - mean * mean", **parts)
        columns[f"{name}_linear"] = formula("linear - mean * (z_1 / weight)", **parts)
        columns[f"{name}_quadratic"] = formula("quadratic - mean * (z_2 / weight)", **parts)
    return select(columns, "bin_sums")


def _independent() -> exp.Select:
    """By comparison the sums over its bins; ``u`` is a bin's part in the standard deviation of the sum of counts."""
    u = formula("bin_moments.spread / SQRT(m * (1 + m / shares.fillable))", m=exp.column("n_current", table="shares"))
    columns: Columns = {"comparison": "shares.comparison"}
    for name in TERMS:
        weights = {"mean": "1e0 * s", "variance": "1e0 * s", "linear": "u * s", "quadratic": "u * u * s"}
        for moment, text in weights.items():
            moved = formula(text, s=exp.column(f"{name}_{moment}", table="bin_moments"), u=u)
            columns[f"{name}_{moment}"] = exact_sum(moved, number(_BOUND))
    alike = [
        exp.EQ(this=exp.column(key, table="bin_moments"), expression=exp.column(key, table="shares")) for key in _CASE
    ]
    joined = select(columns, "shares").join("bin_moments", on=exp.and_(*alike))
    return joined.group_by("shares.comparison")


def _given_the_sum() -> exp.Select:
    columns: Columns = {"comparison": "observed.comparison", "bins": "observed.bins"}
    for name in TERMS:
        parts = {
            moment: exp.column(f"{name}_{moment}", table="independent")
            for moment in ("mean", "variance", "linear", "quadratic")
        }
        columns[name] = exp.column(name, table="observed")
        columns[f"{name}_mean"] = formula("mean - quadratic / 2", **parts)
        columns[f"{name}_variance"] = formula("variance - linear * linear - quadratic * quadratic / 2", **parts)
    return select(columns, "observed").join("independent", on="independent.comparison = observed.comparison")
