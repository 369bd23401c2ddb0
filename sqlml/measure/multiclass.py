"""What all numbers about a multiclass model are made of: its rows grouped by true and predicted class.

The relation has columns ``truth`` and ``label`` (codes of the true and the predicted class), ``truth_score`` (the
probability given to the true class) and ``weight``. It is read once.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import clipped, exact_sum, flushed, ratio
from sqlml.measure.given import Steps, bound, given, sound_rows, within
from sqlml.measure.subset import Columns, expression, number, same, select

_MOST = 2.0**11
"""At least twice the sum of a share over all classes, of which there are at most 1,000."""


def sums(relation: exp.Table) -> Steps:
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
    sides = exp.union(select(true, "by_pair"), select(predicted, "by_pair"), distinct=False)
    columns: Columns = {
        **same("class"),
        **{name: exact_sum(exp.column(name), bound()) for name in ("actual", "predicted", "hit")},
    }
    return select(columns, sides.subquery("sides"), beside="extent", group_by=["class"])


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
