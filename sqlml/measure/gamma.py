"""The gamma distribution in SQL: its upper tail, to full precision even where that is tiny, and its 95 % point.

The upper tail of the chi-square distribution with ``k`` degrees of freedom at ``x`` is that of the gamma distribution
with shape ``k / 2`` at ``x / 2``. Neither engine has the function (PostgreSQL has no lgamma either before 18), so

    Q(a, x) = integral over s > 0 of exp((a - 1) ln(x + s) - (x + s) - ln Gamma(a)),  s = exp(w - exp(-w))

is summed with equal steps of ``w``: the double exponential rule of H. Takahasi and M. Mori, "Double exponential
formulas for numerical integration" (1974). All its terms are positive, so nothing cancels. Shapes up to 300 and tails
down to 1e-290 are good to 1e-12; what lies below is 0.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import exact_sum
from sqlml.measure.formula import alike, formula, of
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, case, expression, joined, number, same, select

FALSE_ALARM_RATE = 0.05
"""The share of windows without drift in which a metric is above its threshold."""

_SERIES = "1e0/12 - w * (1e0/360 - w * (1e0/1260 - w * (1e0/1680 - w * (1e0/1188 - w * (691e0/360360)))))"
"""Stirling's series of ln Gamma(z) times z, in ``w`` = 1 / z squared (NIST Handbook, 5.11.1)."""

_BOUND = 256.0
"""At least twice any sum of the rule: an integral of at most 1, and the magnitudes of its terms."""

_NORMAL_95 = 1.6448536269514722
"""The 95 % point of the standard normal distribution."""


def log_gamma(x: exp.Expr) -> exp.Expr:
    """The logarithm of the gamma function for ``x`` above 0 and up to 1e25, good to 15 digits.

    Stirling's series at ``x + 10``, brought back by the product of ten factors.
    """
    z = formula("x + 10", x=x)
    series = formula(_SERIES, w=formula("1 / (z * z)", z=z))
    stirling = formula("(z - 0.5e0) * LN(z) - z + 0.9189385332046727e0", z=z)
    factors = formula(
        "x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6) * (x + 7) * (x + 8) * (x + 9)", x=x
    )
    return formula("stirling + series / z - LN(factors)", stirling=stirling, series=series, z=z, factors=factors)


def nodes(per_unit: int = 32) -> exp.Select:
    """The nodes of the rule: ``s``, its logarithm ``log_s``, and the weight of the node divided by ``s``.

    With 8 nodes per unit of ``w`` instead of 32, tails are good to 1e-6 for shapes up to 30.
    """
    w = formula("CAST(k AS DOUBLE PRECISION) / nodes", nodes=number(per_unit))
    exponent = formula("w - EXP(-w)", w=w)
    columns: Columns = {
        "s": exp.Exp(this=exponent),
        "log_s": exponent.copy(),
        "node_weight": formula("(1e0 + EXP(-w)) / nodes", w=w, nodes=number(per_unit)),
    }
    ends = [exp.Literal.number(13 * per_unit // 2), exp.Literal.number(7 * per_unit)]
    series = exp.Anonymous(this="GENERATE_SERIES", expressions=[exp.Neg(this=ends[0]), ends[1]])
    steps = exp.TableAlias(this=exp.to_identifier("steps"), columns=[exp.to_identifier("k")])
    return select(columns, exp.Table(this=series, alias=steps))


def tail(points: str, keys: tuple[str, ...], name: str, nodes: str = "nodes") -> Steps:
    """``name``: rows ``keys``, ``upper``, the upper tails at ``points``.

    ``points`` is a step with columns ``keys``, which tell its rows apart and are not NULL, ``shape`` above 0 and ``x``
    above 0; ``nodes`` is a step before, see :func:`nodes`. A tail below 1e-300 has no row.
    """
    exponent = formula("(shape - 1) * LN(x + s) - x - s - log_gamma + log_s")
    prepared: Columns = {**same(*keys, "shape", "x"), "log_gamma": log_gamma(exp.column("shape"))}
    terms: Columns = {**same(*keys, "node_weight"), "exponent": exponent}
    term = formula("EXP(exponent) * node_weight")
    upper: Columns = {**same(*keys), "upper": exact_sum(term, number(_BOUND))}
    return {
        f"{name}_points": select(prepared, points),
        f"{name}_terms": select(terms, f"{name}_points", beside=nodes),
        name: select(upper, f"{name}_terms", where=["exponent > -690"], group_by=keys),
    }


def critical(shapes: str, name: str) -> Steps:
    """``name``: rows ``shape``, ``x``: the point above which the gamma distribution has 5 % of its mass.

    ``shapes`` is a step with a column ``shape`` of distinct values from 0.005. From the approximation of E. B. Wilson
    and M. M. Hilferty (1931), or that of a small shape, two steps of Halley's method lead to 12 digits.
    """
    steps: Steps = {f"{name}_seed": select({**same("shape"), "x": _seed()}, shapes)}
    before = f"{name}_seed"
    for position in (1, 2):
        at = f"{name}_tail_{position}"
        after = name if position == 2 else f"{name}_step"
        nearer = select({**of(before, "shape"), "x": _halley(before, at)}, before)
        steps |= {**tail(before, ("shape",), at), after: joined(nearer, at, alike(at, before, "shape"))}
        before = after
    return steps


def _seed() -> exp.Expr:
    small = formula("EXP((LN(0.95e0) + log_gamma) / shape)", log_gamma=log_gamma(expression("shape + 1")))
    root = formula("1 - 1 / (9 * shape) + normal / (3 * SQRT(shape))", normal=number(_NORMAL_95))
    return case((expression("shape < 0.1e0"), small), otherwise=formula("shape * root * root * root", root=root))


def _halley(points: str, at: str) -> exp.Expr:
    """One step towards the point where the tail is 5 %, from ``points.x``, whose tail is ``at.upper``."""
    x, shape = exp.column("x", table=points), exp.column("shape", table=points)
    upper = exp.column("upper", table=at)
    density = formula("EXP((shape - 1) * LN(x) - x - g)", shape=shape, x=x, g=log_gamma(shape))
    newton = formula("(upper - rate) / density", upper=upper, rate=number(FALSE_ALARM_RATE), density=density)
    curve = formula("(shape - 1) / x - 1", shape=shape, x=x)
    return formula("x + newton / (1 + 0.5e0 * newton * curve)", x=x, newton=newton, curve=curve)
