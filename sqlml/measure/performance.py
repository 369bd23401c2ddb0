"""How good the predictions of a model are: every metric of a task, from a few sums over its rows.

The names and values are scikit-learn's. Rows with a NULL are left out, and ``n`` counts the rest. Every value is
NULL where there is no row, where the weights add up to 0, or where a row cannot be measured: a score that is no
probability, a truth other than 0 and 1, a negative weight, a NaN, an infinity or a magnitude above 1e50. There
scikit-learn mostly raises an error. Weights and differences below 1e-50 count as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.exact import ratio
from sqlml.measure.subset import Columns, all_of, case, chain, expression, number, require_dialect, select


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are.

    ``value`` gives for a task the expression over the columns of ``sums``; it is evaluated only where the total
    weight is positive.
    """

    name: str
    tasks: tuple[str, ...]
    higher_is_better: bool
    definition: str
    value: Callable[[str], exp.Expr]


def _part(numerator: str, denominator: str, otherwise: float | None = None) -> exp.Expr:
    return ratio(expression(numerator), expression(denominator), otherwise)


def _precision(task: str) -> exp.Expr:
    if task == "multiclass":
        return expression("sums.precision")
    return _part("sums.true_positive", "sums.true_positive + sums.false_positive", otherwise=0.0)


def _recall(task: str) -> exp.Expr:
    if task == "multiclass":
        return expression("sums.recall")
    return _part("sums.true_positive", "sums.positive", otherwise=0.0)


def _f1(task: str) -> exp.Expr:
    if task == "multiclass":
        return expression("sums.f1")
    found = "sums.true_positive + sums.false_positive + sums.positive"
    return _part("2 * sums.true_positive", found, otherwise=0.0)


def _r2(task: str) -> exp.Expr:
    known = (("extent.n < 2", "NULL"), ("sums.squared = 0", "1e0"), ("sums.spread = 0", "0e0"))
    branches = ((expression(condition), expression(value)) for condition, value in known)
    return case(*branches, otherwise=expression("1 - sums.squared / sums.spread"))


_CLASSES = ("binary", "multiclass")

METRICS: tuple[Metric, ...] = (
    Metric(
        "roc_auc",
        ("binary",),
        True,
        "the share of pairs of a positive and a negative row in which the positive one has the higher score, ties "
        "by half; NULL where there is one class only",
        lambda task: _part("sums.pairs", "sums.positive * sums.negative"),
    ),
    Metric(
        "average_precision",
        ("binary",),
        True,
        "the precision at the score of a positive row, averaged over the positive rows; 0 where there is none",
        lambda task: _part("sums.gain", "sums.positive", otherwise=0.0),
    ),
    Metric(
        "log_loss",
        _CLASSES,
        False,
        "the mean of -ln(probability given to the true class), clipped to [2.220446049250313e-16, 1 - that]",
        lambda task: expression("sums.loss / sums.weight"),
    ),
    Metric(
        "brier_score",
        ("binary",),
        False,
        "the mean of (score - truth) squared",
        lambda task: expression("sums.squared / sums.weight"),
    ),
    Metric(
        "expected_calibration_error",
        ("binary",),
        False,
        "the mean over rows of |mean score - share of positives| of their bin: 10 equal bins of the score, closed on "
        "the left, the last on both sides",
        lambda task: expression("sums.gap / sums.weight"),
    ),
    Metric(
        "accuracy",
        _CLASSES,
        True,
        "the share of rows with the right label; a binary label is positive where the score is above 0.5",
        lambda task: expression("sums.correct / sums.weight"),
    ),
    Metric(
        "f1",
        _CLASSES,
        True,
        "2 TP / (2 TP + FP + FN), 0 where that is 0 / 0; multiclass: the mean over classes",
        _f1,
    ),
    Metric(
        "precision",
        _CLASSES,
        True,
        "TP / (TP + FP), 0 where nothing is labelled positive; multiclass: the mean over classes",
        _precision,
    ),
    Metric(
        "recall",
        _CLASSES,
        True,
        "TP / (TP + FN), 0 where nothing is positive; multiclass: the mean over classes",
        _recall,
    ),
    Metric(
        "rmse",
        ("regression",),
        False,
        "the square root of the mean of (score - truth) squared",
        lambda task: exp.Sqrt(this=expression("sums.squared / sums.weight")),
    ),
    Metric(
        "mae",
        ("regression",),
        False,
        "the mean of |score - truth|",
        lambda task: expression("sums.absolute / sums.weight"),
    ),
    Metric(
        "r2",
        ("regression",),
        True,
        "1 - sum of (score - truth) squared / sum of (truth - its mean) squared; where truth is constant 1 if every "
        "score is right, else 0; NULL for one row",
        _r2,
    ),
)
"""Every metric that is computed from predictions and the truth. All are weighted."""

TASKS = tuple(sorted({task for metric in METRICS for task in metric.tasks}))
"""The tasks that have metrics."""


def metrics_select(task: str, sums: Mapping[str, float | None], n: int, dialect: str) -> exp.Query:
    """All metrics of a task: rows ``metric`` (text), ``value`` (double), ``n`` (bigint), ordered by ``metric``.

    ``sums`` are those that :func:`sqlml.measure.sums.sums_of` gives, over ``n`` rows. The module says what becomes of
    rows that cannot be measured; :data:`METRICS` defines the values.

    Raises
    ------
    InvalidArgument
        Where the task or the dialect is unknown.

    >>> import duckdb
    >>> sums = {"weight": 1.0, "absolute": 2.0, "squared": 4.0, "spread": 0.0}
    >>> with duckdb.connect() as connection:
    ...     connection.execute(metrics_select("regression", sums, 1, "duckdb").sql("duckdb")).fetchall()
    [('mae', 2.0, 1), ('r2', None, 1), ('rmse', 2.0, 1)]
    """
    require_dialect(dialect)
    if task not in TASKS:
        raise InvalidArgument(f"task {task!r} has no metrics; use one of {', '.join(TASKS)}")
    values: Columns = {
        name: exp.cast(exp.null() if value is None else number(value), "DOUBLE") for name, value in sums.items()
    }
    one = select({"one": "1"}, exp.values([(1,)], alias="given", columns=["one"]))
    extent: Columns = {"n": exp.cast(exp.Literal.number(n), "BIGINT")}
    return chain({"one": one, "sums": select(values, "one"), "extent": select(extent, "one")}, metric_rows(task))


def metric_rows(task: str) -> exp.Query:
    """The metrics of a task from its ``sums`` and ``extent``."""
    rows = [metric_row(metric, task) for metric in METRICS if task in metric.tasks]
    # A UNION can be ordered by a bare column only; the names sort alike in every collation.
    by_name = exp.Ordered(this=exp.column("metric"), nulls_first=False)
    return all_of(rows).order_by(by_name, copy=False)


def metric_row(metric: Metric, task: str) -> exp.Select:
    """The row of one metric, from ``sums`` and ``extent``."""
    measured = case((expression("sums.weight > 0"), metric.value(task)))
    return select(
        {"metric": exp.Literal.string(metric.name), "value": measured, "n": "extent.n"}, "sums", beside="extent"
    )
