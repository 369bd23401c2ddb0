"""The definition in SQL of the sums that ``sqlml.measure.sums`` makes in memory: the oracle, in both engines.

``SUMS`` gives by task the steps that end in ``sums``, the one row from which the metrics of the task are computed.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from sqlml.measure.binary import bin_of, by_score
from sqlml.measure.exact import EPSILON, LARGEST, SMALLEST, exact_sum, flushed, ratio
from sqlml.measure.given import Steps, bound, given, sound_rows, within
from sqlml.measure.performance import metric_rows
from sqlml.measure.subset import (
    Columns,
    all_of,
    case,
    chain,
    expression,
    number,
    require_dialect,
    same,
    select,
)


def performance_select(task: str, relation: exp.Table, dialect: str) -> exp.Query:
    """All metrics of a task: rows ``metric`` (text), ``value`` (double), ``n`` (bigint), ordered by ``metric``.

    Columns of ``relation``: binary: ``truth`` (1 for the positive class, else 0), ``score`` (probability of the
    positive class), ``weight``; multiclass: ``truth`` and ``label`` (codes of the true and the predicted class),
    ``truth_score`` (probability given to the true class), ``weight``; regression: ``truth``, ``score``, ``weight``.
    The module says what becomes of rows that cannot be measured; :data:`METRICS` defines the values.
    """
    require_dialect(dialect)
    return chain(SUMS[task](relation), metric_rows(task))


_BINARY_TERMS: Columns = {
    "weight": "positive + negative",
    **same("positive", "negative"),
    "true_positive": "CASE WHEN score > 5e-1 THEN positive ELSE 0e0 END",
    "false_positive": "CASE WHEN score > 5e-1 THEN negative ELSE 0e0 END",
    "correct": "CASE WHEN score > 5e-1 THEN positive ELSE negative END",
    "squared": "positive * (1 - chance) * (1 - chance) + negative * chance * chance",
    "confidence": "(positive + negative) * chance",
    "gain": "positive * positive_above / (positive_above + negative_above)",
}
"""What each distinct score adds to the sums that are at most the total weight."""


def binary_sums(relation: exp.Table) -> Steps:
    """``sums``: one row that holds what every metric of a binary model is made of.

    ``weight``, ``positive``, ``negative``: total weights. ``true_positive``, ``false_positive``, ``correct``:
    weights where a score above 0.5 says positive. ``squared``, ``loss``: the quadratic and logarithmic losses.
    ``pairs``: weight of the pairs of a negative and a positive row in the right order, ties by half. ``gain``:
    the precision at the score of each positive row. ``gap``: over the bins, the absolute difference between the
    sum of scores and the weight of positive rows. All NULL where there is no row or one is not sound.
    """
    score = exp.column("score")
    passed = same("score", "positive", "negative", "positive_above", "negative_above")
    terms = {
        "bin": exp.column("bin"),
        **_BINARY_TERMS,
        "loss": _binary_loss(),
        "pairs": "negative * (positive_above - positive / 2)",
    }
    limits = {"pairs": exp.Mul(this=bound(), expression=bound())}
    binned: Columns = {name: exact_sum(exp.column(name), limits.get(name, bound())) for name in terms if name != "bin"}
    summed: Columns = {name: exact_sum(exp.column(name), limits.get(name, bound())) for name in binned}
    summed["gap"] = exact_sum(expression("ABS(confidence - positive)"), bound())
    return {
        **by_score(relation),
        "binned": select({"bin": bin_of(score), "chance": flushed(score), **passed}, "ranked"),
        "terms": select(terms, "binned"),
        "by_bin": select(binned, "terms", beside="extent", group_by=["bin"]),
        "sums": select(summed, "by_bin", beside="extent"),
    }


def _binary_loss() -> exp.Expr:
    """The logarithmic loss of one distinct score."""
    hit, miss = (exp.Ln(this=clipped(expression(text))) for text in ("chance", "1 - chance"))
    gains = exp.Add(
        this=exp.Mul(this=exp.column("positive"), expression=hit),
        expression=exp.Mul(this=exp.column("negative"), expression=miss),
    )
    return exp.Neg(this=exp.Paren(this=gains))


def clipped(probability: exp.Expr) -> exp.Expr:
    """A probability that has a finite logarithm: at least ``EPSILON``, at most ``1 - EPSILON``."""
    raised = exp.Greatest(this=probability.copy(), expressions=[number(EPSILON)], ignore_nulls=True)
    return exp.Least(this=raised, expressions=[number(1 - EPSILON)], ignore_nulls=True)


_MOST = 2.0**11
"""At least twice the sum of a share over all classes, of which there are at most 1,000."""


def multiclass_sums(relation: exp.Table) -> Steps:
    """``sums``: one row that holds what every metric of a multiclass model is made of.

    ``weight`` and ``correct``: total weights; ``loss``: of the logarithmic loss; ``precision``, ``recall``, ``f1``:
    the unweighted means over all classes that occur as true or predicted, 0 for a class whose denominator is 0.
    All NULL where there is no row or one is not sound.
    """
    overall: Columns = {
        "weight": exact_sum(exp.column("weight"), bound()),
        "correct": exact_sum(expression("CASE WHEN truth = label THEN weight ELSE 0e0 END"), bound()),
        "loss": exact_sum(exp.column("loss"), bound()),
    }
    return {
        **given(
            relation,
            {"truth": "INT", "label": "INT", "truth_score": "DOUBLE"},
            {"truth_score": within("truth_score", 0, 1)},
        ),
        "weighed": sound_rows({**same("truth", "label", "truth_score"), "weight": flushed(exp.column("weight"))}),
        "by_pair": _by_pair(),
        "by_class": _by_class(),
        "macro": _macro(),
        "overall": select(overall, "by_pair", beside="extent"),
        "sums": select(same("weight", "correct", "loss", "precision", "recall", "f1"), "overall", beside="macro"),
    }


def _by_pair() -> exp.Select:
    """Weight and loss of each pair of a true and a predicted class."""
    gain = exp.Ln(this=clipped(exp.column("truth_score")))
    loss = exp.Mul(this=exp.Neg(this=exp.column("weight")), expression=gain)
    columns: Columns = {
        **same("truth", "label"),
        "weight": exact_sum(exp.column("weight"), bound()),
        "loss": exact_sum(loss, bound()),
    }
    return select(columns, "weighed", beside="extent", group_by=["truth", "label"])


def _by_class() -> exp.Select:
    """Weights of each class: where it is true, where it is predicted, and where it is both."""
    true: Columns = {
        "class": "truth",
        "actual": "weight",
        "predicted": "0e0",
        "hit": "CASE WHEN truth = label THEN weight ELSE 0e0 END",
    }
    predicted: Columns = {"class": "label", "actual": "0e0", "predicted": "weight", "hit": "0e0"}
    sides = all_of([select(true, "by_pair"), select(predicted, "by_pair")])
    columns: Columns = {
        **same("class"),
        **{name: exact_sum(exp.column(name), bound()) for name in ("actual", "predicted", "hit")},
    }
    return select(columns, sides.subquery("sides", copy=False), beside="extent", group_by=["class"])


def _macro() -> exp.Select:
    n = expression("COUNT(*)")
    hit, actual, predicted = (exp.column(name) for name in ("hit", "actual", "predicted"))
    by_class = {
        "precision": ratio(hit, predicted, otherwise=0.0),
        "recall": ratio(hit, actual, otherwise=0.0),
        "f1": ratio(expression("2 * hit"), expression("actual + predicted"), otherwise=0.0),
    }
    shares: Columns = {name: ratio(exact_sum(value, number(_MOST)), n) for name, value in by_class.items()}
    return select(shares, "by_class")


_REGRESSION_TERMS: Columns = {
    "weight": "weight",
    "absolute": "weight * error",
    "squared": "weight * error * error",
    "level": "weight * truth",
}
"""What each row adds to a sum."""


def regression_sums(relation: exp.Table) -> Steps:
    """``sums``: one row that holds what every metric of a regression is made of.

    ``weight``: the total weight; ``absolute`` and ``squared``: of the errors; ``spread``: of the squared distances
    of ``truth`` from its mean, exactly 0 where ``truth`` is constant. Where there is no row, or one is not sound,
    all are NULL.
    """
    finite = {name: within(name, -LARGEST, LARGEST) for name in ("truth", "score")}
    heavy = exp.GTE(this=exp.column("weight"), expression=number(SMALLEST))
    level = case((within("truth", -SMALLEST, SMALLEST), number(0)), otherwise=exp.column("truth"))
    errors: Columns = {"truth": level, "error": flushed(expression("ABS(truth - score)")), "weight": "weight"}
    return {
        **given(relation, {"truth": "DOUBLE", "score": "DOUBLE"}, finite),
        "errors": sound_rows(errors, heavy),
        "terms": select({**same("truth"), **_REGRESSION_TERMS}, "errors"),
        "bounds": _bounds(),
        "totals": select(
            {name: exact_sum(exp.column(name), exp.column(f"{name}_bound")) for name in _REGRESSION_TERMS},
            "terms",
            beside="bounds",
        ),
        "centre": _centre(),
        **_spread(),
    }


def _bounds() -> exp.Select:
    """For each sum twice the number of rows times its greatest term, and the range of ``truth``."""
    columns: Columns = {
        f"{name}_bound": exp.Mul(
            this=expression("2e0 * COUNT(*)"), expression=exp.Max(this=exp.Abs(this=exp.column(name)))
        )
        for name in _REGRESSION_TERMS
    }
    return select({**columns, "lowest": "MIN(truth)", "highest": "MAX(truth)"}, "terms")


def _centre() -> exp.Select:
    columns: Columns = {
        **same("weight", "absolute", "squared", "lowest", "highest"),
        "mean": ratio(exp.column("level"), exp.column("weight")),
        "spread_bound": "weight_bound * (highest - lowest) * (highest - lowest)",
    }
    return select(columns, "totals", beside="bounds")


def _spread() -> Steps:
    """The second reading of the rows, around the mean; the mean of equal values need not be that value."""
    far: Columns = {
        "weight": "terms.weight",
        "distance": flushed(expression("ABS(truth - mean)")),
        **same("spread_bound"),
    }
    total = exact_sum(expression("weight * distance * distance"), exp.column("spread_bound"))
    sums: Columns = {
        **same("weight", "absolute", "squared"),
        "spread": "CASE WHEN lowest = highest THEN 0e0 ELSE total END",
    }
    return {
        "distances": select(far, "terms", beside="centre"),
        "spreads": select({"total": total}, "distances"),
        "sums": select(sums, "centre", beside="spreads"),
    }


SUMS: dict[str, Callable[[exp.Table], Steps]] = {
    "binary": binary_sums,
    "multiclass": multiclass_sums,
    "regression": regression_sums,
}
