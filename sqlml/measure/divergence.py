"""How far the shares of bins are apart: a sum of ``term(p, q)`` over the bins.

``p`` is the share of a bin in the reference, ``q`` its share in the current window.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import exact_sum
from sqlml.measure.formula import formula
from sqlml.measure.subset import Columns, expression, number, select

TERMS = {
    "psi": "(GREATEST(q, 1e-4) - GREATEST(p, 1e-4)) * LN(GREATEST(q, 1e-4) / GREATEST(p, 1e-4))",
    "jensen_shannon": "0.5e0 * (CASE WHEN p > 0 THEN p * LN(2 * p / (p + q)) ELSE 0e0 END "
    "+ CASE WHEN q > 0 THEN q * LN(2 * q / (p + q)) ELSE 0e0 END)",
}
"""By divergence what each bin adds to it, in natural logarithms."""

_BOUND = 64.0
"""Above twice the greatest divergence: that of the floor 1e-4 against 1, both ways."""


def observed() -> exp.Select:
    """From ``shares``: by ``comparison`` each divergence, and ``bins``; equal shares have divergence 0."""
    columns: Columns = {"comparison": "comparison", "bins": "MIN(bins)"}
    for name, term in TERMS.items():
        columns[name] = formula("GREATEST(total, 0e0)", total=exact_sum(expression(term), number(_BOUND)))
    return select(columns, "shares", group_by=["comparison"])
