"""From raw scores to outputs: steps of named expressions, each over the names of the steps before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from sqlml.compile.dialect import Dialect
from sqlml.compile.literal import double
from sqlml.compile.nested import ordered_sum

Step = dict[str, exp.Expr]

SATURATED = 40.0
"""Above this raw score ``1 + exp(-r)`` is 1 to the last bit."""

LARGEST = 709.782712893384
"""The largest number whose EXP is a double."""

SMALLEST = -708.0
"""EXP of anything from here up to :data:`LARGEST` is a normal double."""

TINIEST = -744.4
"""EXP of anything below is less than the smallest double."""


@dataclass(frozen=True)
class Linked:
    """The steps that turn raw scores into outputs, and the names of the outputs, one per raw score."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


def linked(link: str, raw: Sequence[str], prefix: str, dialect: Dialect) -> Linked:
    """Compile a link over the names of raw scores; new names start with ``prefix``.

    Each output is within 1 ulp of the formula in ``spec.LINKS``, without overflow on the way.
    """
    return LINKS[link](raw, prefix, dialect)


def logistic(score: exp.Expr, dialect: Dialect) -> exp.Expr:
    """``1 / (1 + exp(-score))``, and 0 where that power is not a double any more; NaN stays NaN."""
    one, zero = double(1.0, dialect), double(0.0, dialect)
    saturated = exp.GT(this=score.copy(), expression=double(SATURATED, dialect))
    vanished = exp.LT(this=score.copy(), expression=double(-LARGEST, dialect))
    power = exp.Exp(this=exp.Neg(this=score.copy()))
    direct = _ratio(one.copy(), exp.Paren(this=exp.Add(this=one.copy(), expression=power)))
    ifs = [*_nan_first(score, dialect), exp.If(this=saturated, true=one), exp.If(this=vanished, true=zero)]
    return exp.Case(ifs=ifs, default=direct)


def exponential(score: exp.Expr, dialect: Dialect) -> exp.Expr:
    """``exp(score)``: infinite where it is too large for a double and the engine has an infinity, 0 where too small."""
    if not dialect.exp_raises:
        return exp.Exp(this=score.copy())
    too_large = exp.GT(this=score.copy(), expression=double(LARGEST, dialect))
    small = exp.LT(this=score.copy(), expression=double(SMALLEST, dialect))
    ifs = [
        *_nan_first(score, dialect),
        exp.If(this=too_large, true=double(float("inf"), dialect)),
        exp.If(this=small, true=_small_exponential(score, dialect)),
    ]
    return exp.Case(ifs=ifs, default=exp.Exp(this=score.copy()))


def _small_exponential(score: exp.Expr, dialect: Dialect) -> exp.Expr:
    """EXP below the normal doubles, where the engine's own fails: by two factors."""
    shifted = exp.Exp(this=exp.Add(this=score.copy(), expression=double(100.0, dialect)))
    product = exp.Mul(this=shifted, expression=double(3.720075976020836e-44, dialect))
    tiny = exp.LT(this=score.copy(), expression=double(TINIEST, dialect))
    return exp.Case(ifs=[exp.If(this=tiny, true=double(0.0, dialect))], default=product)


def _nan_first(score: exp.Expr, dialect: Dialect) -> list[exp.If]:
    """A branch for NaN where it would pass for the largest number."""
    if dialect.nan != "equals":
        return []
    is_nan = exp.EQ(this=score.copy(), expression=double(float("nan"), dialect))
    return [exp.If(this=is_nan, true=score.copy())]


def _identity(raw: Sequence[str], prefix: str, dialect: Dialect) -> Linked:
    return Linked((), tuple(raw))


def _each(
    function: Callable[[exp.Expr, Dialect], exp.Expr], raw: Sequence[str], prefix: str, dialect: Dialect
) -> Linked:
    step = {f"{prefix}output_{index}": function(exp.column(name), dialect) for index, name in enumerate(raw)}
    return Linked((step,), tuple(step))


def _softmax(raw: Sequence[str], prefix: str, dialect: Dialect) -> Linked:
    names = [exp.column(name) for name in raw]
    greatest, total = f"{prefix}greatest", f"{prefix}total"
    powers = {
        f"{prefix}power_{index}": exponential(exp.Sub(this=name, expression=exp.column(greatest)), dialect)
        for index, name in enumerate(names)
    }
    shares: Step = {
        f"{prefix}output_{index}": _ratio(exp.column(power), exp.column(total)) for index, power in enumerate(powers)
    }
    steps: tuple[Step, ...] = (
        {greatest: greatest_of(names, dialect)},
        powers,
        {total: ordered_sum([exp.column(power) for power in powers])},
        shares,
    )
    return Linked(steps, tuple(shares))


def _ratio(numerator: exp.Expr, denominator: exp.Expr) -> exp.Expr:
    """The quotient of two doubles."""
    return exp.Div(this=numerator, expression=denominator, typed=True, safe=False)


def greatest_of(values: Sequence[exp.Expr], dialect: Dialect) -> exp.Expr:
    """The greatest of some values that are not NULL."""
    first, *others = (value.copy() for value in values)
    return exp.Greatest(this=first, expressions=others, ignore_nulls=dialect.name == "duckdb") if others else first


LINKS: dict[str, Callable[[Sequence[str], str, Dialect], Linked]] = {
    "identity": _identity,
    "logistic": partial(_each, logistic),
    "softmax": _softmax,
    "exponential": partial(_each, exponential),
}
"""The compiler of each link."""
