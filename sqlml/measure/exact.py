"""Arithmetic that both engines do alike: sums in any order of the rows, and no zero division, over- or underflow.

A running sum of doubles loses a bit at each addition, and which one depends on the plan, the threads and the
engine: a million times 0.1 is off by 1e-11. Here each value is split without error into a coarse part, a
multiple of one power of two, and a fine rest. The coarse parts add up exactly in any order; the rests are too
small for the rounding of their sum to matter. So the results are those of exact addition, rounded once, for all
but a few last digits in pathological data (S. M. Rump, T. Ogita, S. Oishi, "Accurate floating-point summation",
part I, 2008: the extraction of ExtractVector).
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.subset import case, number

LARGEST = 1e50
"""The largest magnitude of a weight or a value that is measured: squares and products stay far from overflow."""

SMALLEST = 1e-50
"""Weights and differences below this count as 0: PostgreSQL raises an error where a product underflows."""

EPSILON = 2.220446049250313e-16
"""The distance from 1 to the next double; scikit-learn's log_loss clips probabilities by it."""


def coarse(value: exp.Expr, bound: exp.Expr) -> exp.Expr:
    """The part of ``value`` that adds up exactly; ``bound`` is at least twice the sum of all magnitudes.

    >>> from sqlml.measure.subset import expression
    >>> coarse(expression("x"), expression("bound")).sql()
    '(x + bound) - bound'
    """
    return exp.Sub(
        this=exp.Paren(this=exp.Add(this=_operand(value), expression=_operand(bound))), expression=_operand(bound)
    )


def fine(value: exp.Expr, bound: exp.Expr) -> exp.Expr:
    """What :func:`coarse` leaves of ``value``, without error."""
    return exp.Sub(this=_operand(value), expression=exp.Paren(this=coarse(value, bound)))


def exact_sum(value: exp.Expr, bound: exp.Expr) -> exp.Expr:
    """The sum of ``value`` over a group, whatever the order of its rows; NULL for no rows.

    ``bound`` is at least twice the sum of all magnitudes, and not by many orders more; it may be any
    expression without an aggregate. A wrong bound costs accuracy, down to that of a plain SUM.

    >>> from sqlml.measure.subset import expression
    >>> exact_sum(expression("x"), expression("bound")).sql()
    'SUM((x + bound) - bound) + SUM(x - ((x + bound) - bound))'
    """
    return exp.Add(this=exp.Sum(this=coarse(value, bound)), expression=exp.Sum(this=fine(value, bound)))


def exact_small_sum(value: exp.Expr, bound: float) -> exp.Expr:
    """:func:`exact_sum` where a sum may be as small as 1e-16 times its bound: what is left is split once more.

    There the coarse parts are mostly 0, and the order of the rests would show. A group has up to 250,000 rows; as no
    rest is above ``bound * 2**-53``, their magnitudes add up to less than half of the second bound.

    >>> from sqlml.measure.subset import expression
    >>> exact_small_sum(expression("x"), 2.0**33).sql().startswith("SUM((x + 8589934592.0e0) - 8589934592.0e0) + (SUM(")
    True
    """
    rest, second = fine(value, number(bound)), number(bound * 2.0**-34)
    return exp.Add(this=exp.Sum(this=coarse(value, number(bound))), expression=exp.Paren(this=exact_sum(rest, second)))


def ratio(numerator: exp.Expr, denominator: exp.Expr, otherwise: float | None = None) -> exp.Expr:
    """``numerator / denominator`` where the denominator is positive, else ``otherwise``; both are doubles.

    >>> from sqlml.measure.subset import expression
    >>> ratio(expression("a"), expression("b"), 0.0).sql("postgres")
    'CASE WHEN b > 0 THEN a / b ELSE 0.0e0 END'
    """
    quotient = exp.Div(this=_operand(numerator), expression=_operand(denominator), typed=True, safe=False)
    positive = exp.GT(this=_operand(denominator), expression=exp.Literal.number(0))
    return case((positive, quotient), otherwise=None if otherwise is None else number(otherwise))


def flushed(value: exp.Expr) -> exp.Expr:
    """A value that is not negative, or 0 where it is below ``SMALLEST``."""
    tiny = exp.LT(this=_operand(value), expression=number(SMALLEST))
    return case((tiny, number(0)), otherwise=value)


def _operand(tree: exp.Expr) -> exp.Expr:
    """A copy that keeps its meaning as an operand of any operator."""
    return exp.Paren(this=tree.copy()) if isinstance(tree, exp.Binary) else tree.copy()
