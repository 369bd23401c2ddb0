"""Queries behind the pictures of a model: the ROC curve, the confusion matrix, the calibration."""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure import binary
from sqlml.measure.exact import exact_sum, flushed, ratio
from sqlml.measure.formula import by_bytes
from sqlml.measure.given import bound, sound_rows
from sqlml.measure.subset import Columns, all_of, chain, expression, number, require_dialect, same, select


def roc_curve_select(relation: exp.Table, dialect: str) -> exp.Query:
    """The ROC curve: rows ``threshold``, ``false_positive_rate``, ``true_positive_rate``, all double.

    The label is positive where ``score >= threshold``. The first row is the start (0, 0), with threshold infinity
    as in scikit-learn's ``roc_curve(drop_intermediate=False)``; then follows each distinct score that carries
    weight, from the highest to the lowest, where both rates are 1. A rate is NULL where its class does not occur.
    No rows where nothing can be measured. The columns of ``relation`` are ``truth`` (1 or 0), ``score``, ``weight``.

    Raises
    ------
    InvalidArgument
        Where the dialect is unknown.
    """
    require_dialect(dialect)
    ends = select({"positive": "MAX(positive_above)", "negative": "MAX(negative_above)"}, "ranked")
    start = select(
        {"threshold": "CAST('Infinity' AS DOUBLE PRECISION)", "false_positive": "0e0", "true_positive": "0e0"},
        "ends",
        where=["NOT positive IS NULL"],
    )
    scores = select(
        {"threshold": "score", "false_positive": "negative_above", "true_positive": "positive_above"}, "ranked"
    )
    rates: Columns = {
        "threshold": "points.threshold",
        "false_positive_rate": ratio(expression("points.false_positive"), expression("ends.negative")),
        "true_positive_rate": ratio(expression("points.true_positive"), expression("ends.positive")),
    }
    steps = {**binary.by_score(relation), "ends": ends, "points": all_of([start, scores])}
    return chain(steps, select(rates, "points", beside="ends").order_by(_ordered("threshold", desc=True)))


def confusion_matrix_select(relation: exp.Table, dialect: str) -> exp.Query:
    """How often each class was taken for each: rows ``actual`` (text), ``predicted`` (text), ``n`` (bigint).

    One row for each pair of classes that occur, as actual or as predicted, also where ``n`` is 0, ordered by the
    bytes of both names. The columns of ``relation`` are ``actual`` and ``predicted``; rows with a NULL are left out.

    Raises
    ------
    InvalidArgument
        Where the dialect is unknown.
    """
    require_dialect(dialect)
    names = ("actual", "predicted")
    text: Columns = {name: exp.cast(exp.column(name), "TEXT") for name in names}
    given = select(text, relation.copy(), where=[exp.column(name).is_(exp.null()).not_() for name in names])
    occurring = [select({"class": name}, "pairs") for name in names]
    counted = exp.Coalesce(this=expression("pairs.n"), expressions=[exp.Literal.number(0)])
    matrix = (
        select({"actual": "a.class", "predicted": "p.class", "n": counted}, "classes AS a", beside="classes AS p")
        .join("pairs", on="pairs.actual = a.class AND pairs.predicted = p.class", join_type="left")
        .order_by(
            *(exp.Ordered(this=by_bytes(expression(column)), nulls_first=False) for column in ("a.class", "p.class"))
        )
    )
    steps: dict[str, exp.Query] = {
        "given": given,
        "pairs": select({**same(*names), "n": "COUNT(*)"}, "given", group_by=names),
        "classes": exp.union(*occurring, distinct=True),
    }
    return chain(steps, matrix)


def calibration_select(relation: exp.Table, dialect: str) -> exp.Query:
    """How often the positive class occurs where the model says that it does with some probability.

    Ten rows ``bin`` (1 to 10), ``score_low``, ``score_high``, ``n`` (bigint), ``mean_score``, ``rate``: the bins are
    equally wide and closed on the left, the last on both sides. ``n`` counts rows; the mean score and the rate of
    the positive class are weighted, and NULL for a bin without weight. No rows where nothing can be measured.
    The columns of ``relation`` are ``truth`` (1 or 0), ``score``, ``weight``.

    Raises
    ------
    InvalidArgument
        Where the dialect is unknown.
    """
    require_dialect(dialect)
    scored: Columns = {
        "bin": binary.bin_of(exp.column("score")),
        "chance": flushed(exp.column("score")),
        "weight": flushed(exp.column("weight")),
        **same("truth"),
    }
    sums = {"weight": "weight", "confidence": "weight * chance", "positive": "weight * truth"}
    by_bin: Columns = {name: exact_sum(expression(term), bound()) for name, term in sums.items()}
    columns: Columns = {
        **{name: exp.column(name, table="edges") for name in ("bin", "score_low", "score_high")},
        "n": exp.Coalesce(this=expression("by_bin.n"), expressions=[exp.Literal.number(0)]),
        "mean_score": ratio(expression("by_bin.confidence"), expression("by_bin.weight")),
        "rate": ratio(expression("by_bin.positive"), expression("by_bin.weight")),
    }
    table = (
        select(columns, "edges", beside="extent", where=["extent.sound = 1"])
        .join("by_bin", on="by_bin.bin = edges.bin", join_type="left")
        .order_by(_ordered("bin", table="edges"))
    )
    steps = {
        **binary.rows(relation),
        "scored": sound_rows(scored),
        "by_bin": select({**same("bin"), "n": "COUNT(*)", **by_bin}, "scored", beside="extent", group_by=["bin"]),
        "edges": _edges(),
    }
    return chain(steps, table)


def _edges() -> exp.Query:
    rows = [
        exp.select(
            exp.alias_(exp.Literal.number(position), "bin"),
            exp.alias_(exp.cast(number(low), "DOUBLE"), "score_low"),
            exp.alias_(exp.cast(number(high), "DOUBLE"), "score_high"),
        )
        for position, low, high in binary.bins()
    ]
    return all_of(rows)


def _ordered(column: str, *, table: str | None = None, desc: bool = False) -> exp.Ordered:
    """An order for a column without NULLs; their place is spelled so that no engine's default is added."""
    return exp.Ordered(this=exp.column(column, table=table), desc=desc, nulls_first=desc)
