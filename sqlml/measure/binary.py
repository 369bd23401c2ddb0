"""What all numbers about a binary model are made of: its rows grouped by score.

The relation has columns ``truth`` (1 for the positive class, else 0), ``score`` (the probability of the positive
class) and ``weight``. Each function adds its steps to those it stands on; the relation is read once.
"""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.exact import SMALLEST, coarse, fine
from sqlml.measure.given import Steps, bound, given, sound_rows, within
from sqlml.measure.subset import Columns, case, expression, number, same, select


def bins() -> list[tuple[int, float, float]]:
    """Position from 1, lower and upper edge of the ten bins of a score.

    The edges are the doubles next to k/10. A bin is closed on the left, the last one on both sides.

    >>> bins()[0], bins()[-1]
    ((1, 0.0, 0.1), (10, 0.9, 1.0))
    """
    return [(position, (position - 1) / 10, position / 10) for position in range(1, 11)]


def bin_of(score: exp.Expr) -> exp.Expr:
    """The position of the bin in which a score between 0 and 1 lies."""
    *lower, (last, _, _) = bins()
    branches = [
        (exp.LT(this=score.copy(), expression=number(high)), exp.Literal.number(position))
        for position, _, high in lower
    ]
    return case(*branches, otherwise=exp.Literal.number(last))


def rows(relation: exp.Table) -> Steps:
    """``given`` and ``extent`` of a relation with columns ``truth``, ``score`` and ``weight``."""
    sound = {"truth": expression("truth IN (0, 1)"), "score": within("score", 0, 1)}
    return given(relation, {"truth": "INT", "score": "DOUBLE"}, sound)


def by_score(relation: exp.Table) -> Steps:
    """``ranked``: one row per distinct score that carries weight.

    ``positive`` and ``negative`` are the weights of the two classes at this score, ``positive_above`` and
    ``negative_above`` those at this score or above. No rows where any row of the relation is not sound.
    """
    weight = exp.column("weight")
    heavy = exp.GTE(this=weight, expression=number(SMALLEST))
    split = sound_rows(
        {**same("truth", "score"), "coarse": coarse(weight, bound()), "fine": fine(weight, bound())}, heavy
    )
    parts = {"positive": 1, "negative": 0}
    grouped: Columns = {"score": "score"}
    ranked: Columns = {"score": "score"}
    for name, truth in parts.items():
        for part in ("coarse", "fine"):
            grouped[f"{name}_{part}"] = exp.Sum(this=_where_truth(truth, part))
        ranked[name] = exp.Add(this=exp.column(f"{name}_coarse"), expression=exp.column(f"{name}_fine"))
        above = [_running_sum(f"{name}_{part}") for part in ("coarse", "fine")]
        ranked[f"{name}_above"] = exp.Add(this=above[0], expression=above[1])
    return {
        **rows(relation),
        "split": split,
        "by_score": select(grouped, "split", group_by=["score"]),
        "ranked": select(ranked, "by_score"),
    }


def _where_truth(truth: int, column: str) -> exp.Expr:
    of_class = exp.EQ(this=exp.column("truth"), expression=exp.Literal.number(truth))
    return case((of_class, exp.column(column)), otherwise=number(0))


def _running_sum(column: str) -> exp.Expr:
    frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    order = exp.Order(expressions=[exp.Ordered(this=exp.column("score"), desc=True, nulls_first=True)])
    return exp.Window(this=exp.Sum(this=exp.column(column)), order=order, spec=frame)
