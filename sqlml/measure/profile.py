"""The profile of a relation: what its columns look like, by window and slice.

A missing value is NULL, and NaN in a number. Shares are of all rows. A quantile is a value that occurs: of ``n`` values
in rising order the one at place ``ceil(q * n)``, which is ``percentile_disc`` of both engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.counts import KEYS, sliced
from sqlml.measure.exact import LARGEST, exact_sum, flushed
from sqlml.measure.formula import computed_once, formula, quoted, source
from sqlml.measure.given import Steps, within
from sqlml.measure.subset import Columns, case, cast, chain, expression, number, require_dialect, select
from sqlml.spec import COLUMN_TYPES

PROFILE_TYPES = (*COLUMN_TYPES, "prediction")
"""Logical types of columns that are profiled; a prediction is a number whose place against 0.5 matters."""

_NUMBERS = ("integer", "number", "prediction")

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class ProfileMetric:
    """One number about a column in a window and slice.

    ``types`` are the logical types that have it. ``value`` is a constant expression over the aggregates of a column,
    named in :func:`_aggregates`; it is NULL where nothing can be said.
    """

    name: str
    types: tuple[str, ...]
    definition: str
    value: str


PROFILE_METRICS: tuple[ProfileMetric, ...] = (
    ProfileMetric("n", PROFILE_TYPES, "the number of rows", "n"),
    ProfileMetric("n_missing", PROFILE_TYPES, "the number of rows in which the column is NULL or NaN", "n - present"),
    ProfileMetric("share_missing", PROFILE_TYPES, "n_missing / n", "(n - present) / NULLIF(n, 0)"),
    ProfileMetric("n_distinct", PROFILE_TYPES, "the number of different values; a missing one is none", "n_distinct"),
    ProfileMetric(
        "mean",
        _NUMBERS,
        "the arithmetic mean of the values; NULL where one is infinite or above 1e50 in magnitude",
        "CASE WHEN tame = present THEN total / NULLIF(present, 0) END",
    ),
    ProfileMetric(
        "stddev",
        _NUMBERS,
        "the standard deviation of the sample, with n - 1; NULL for fewer than two values, and where the mean is NULL",
        "CASE WHEN tame = present AND present > 1 THEN CASE WHEN least = greatest THEN 0e0 "
        "WHEN squares - shift * shift / present <= squares * 1e-5 THEN plain_stddev "
        "ELSE SQRT((squares - shift * shift / present) / (present - 1)) END END",
    ),
    ProfileMetric("min", _NUMBERS, "the least value", "least"),
    ProfileMetric("max", _NUMBERS, "the greatest value", "greatest"),
    ProfileMetric("p05", _NUMBERS, "the 5 % quantile: the value at place ceil(0.05 n) of the values in order", "q[1]"),
    ProfileMetric("p25", _NUMBERS, "the 25 % quantile", "q[2]"),
    ProfileMetric("p50", _NUMBERS, "the 50 % quantile, the lower one of two middle values", "q[3]"),
    ProfileMetric("p75", _NUMBERS, "the 75 % quantile", "q[4]"),
    ProfileMetric("p95", _NUMBERS, "the 95 % quantile", "q[5]"),
    ProfileMetric("share_empty", ("text",), "the share of rows with a text of no characters", "empty / NULLIF(n, 0)"),
    ProfileMetric("max_length", ("text",), "the length of the longest text, in characters (code points)", "longest"),
    ProfileMetric("share_true", ("boolean",), "the share of rows that are true", "hits / NULLIF(n, 0)"),
    ProfileMetric("share_above_half", ("prediction",), "the share of rows above 0.5", "hits / NULLIF(n, 0)"),
)
"""Every number of a profile."""


def profile_select(
    relation: exp.Table | exp.Query,
    columns: Mapping[str, str],
    window: exp.Expr | None,
    slices: Sequence[str] | None,
    dialect: str,
) -> exp.Query:
    """The profile of columns: rows ``window_start, column_name, slice_key, slice_value, metric, value``, in no order.

    ``columns`` are columns of ``relation`` and their type, one of :data:`PROFILE_TYPES`. ``window`` and ``slices`` are
    those of :func:`sqlml.measure.counts.counts_select`. ``value`` is double. A window or slice without rows has no
    profile. ``relation`` is read once.

    Raises
    ------
    InvalidArgument
        Where there is no column, or a type or the dialect is unknown.
    """
    require_dialect(dialect)
    if not columns:
        raise InvalidArgument("no column to profile; name at least one with its type")
    for column, type_ in columns.items():
        if type_ not in PROFILE_TYPES:
            raise InvalidArgument(f"column {column!r} has type {type_!r}; use one of {', '.join(PROFILE_TYPES)}")
    keys = tuple(slices or ())
    types = list(columns.values())
    read: Columns = {f"x_{index}": _read(quoted(column), types[index]) for index, column in enumerate(columns)}
    steps: Steps = {
        "given": select({**sliced(relation, keys, window), **read}, source(relation)),
        **_levels([index for index, type_ in enumerate(types) if type_ in _NUMBERS]),
        "grouped": _grouped(types, keys),
    }
    return computed_once(chain(steps, _long(columns)))


def _read(column: exp.Expr, type_: str) -> exp.Expr:
    if type_ in _NUMBERS:
        return formula("NULLIF(x, CAST('NaN' AS DOUBLE PRECISION))", x=cast(column, "DOUBLE"))
    return cast(column, {"text": "TEXT"}.get(type_, type_.upper()))


def _tame(index: int) -> exp.Expr:
    """A number whose square is far from overflow, NULL where it is not."""
    return case((within(f"x_{index}", -LARGEST, LARGEST), exp.column(f"x_{index}")))


def _levels(numbers: Sequence[int]) -> Steps:
    """``extent`` and ``levels``, one row each: how large the numbers of each column are, and their mean.

    The squares are taken around the mean of all rows, for the square of a number far from 0 has no digits left.
    """
    extent: Columns = {"rows": "2e0 * COUNT(*)"}
    levels: Columns = {"rows": "MIN(extent.rows)"}
    for index in numbers:
        tame = _tame(index)
        extent[f"size_{index}"] = formula("COALESCE(MAX(ABS(x)), 0e0)", x=tame)
        bound = formula("extent.rows * size", size=exp.column(f"size_{index}", table="extent"))
        mean = formula("total / NULLIF(COUNT(x), 0)", total=exact_sum(tame, bound), x=tame)
        levels[f"size_{index}"] = exp.Min(this=exp.column(f"size_{index}", table="extent"))
        levels[f"level_{index}"] = mean
    return {"extent": select(extent, "given"), "levels": select(levels, "given", beside="extent")}


def _grouped(types: Sequence[str], slices: Sequence[str]) -> exp.Select:
    """One row for each window, and for each slice of it, with all aggregates of all columns."""
    keys: list[tuple[exp.Expr, exp.Expr]] = []
    values: list[tuple[exp.Expr, exp.Expr]] = []
    sets: list[exp.Expr] = [exp.Tuple(expressions=[exp.column("window_start")])]
    for position, key in enumerate(slices, start=1):
        column = exp.column(f"slice_{position}")
        of_this = exp.EQ(this=exp.Anonymous(this="GROUPING", expressions=[column.copy()]), expression=_zero())
        keys.append((of_this, exp.Literal.string(key)))
        values.append((of_this.copy(), column.copy()))
        sets.append(exp.Tuple(expressions=[exp.column("window_start"), column]))
    columns: Columns = {
        "window_start": "window_start",
        "slice_key": cast(case(*keys) if slices else exp.null(), "TEXT"),
        "slice_value": cast(case(*values) if slices else exp.null(), "TEXT"),
        "n": cast(expression("COUNT(*)"), "DOUBLE"),
    }
    for index, type_ in enumerate(types):
        columns |= {f"{aggregate}_{index}": tree for aggregate, tree in _aggregates(index, type_).items()}
    return select(columns, "given", beside="levels").group_by(exp.GroupingSets(expressions=sets), copy=False)


def _zero() -> exp.Expr:
    return exp.Literal.number(0)


def _aggregates(index: int, type_: str) -> dict[str, exp.Expr]:
    """By name what the metrics of a column are made of; counts are doubles, for they are divided."""
    x = exp.column(f"x_{index}")
    counted = {"present": formula("COUNT(x)", x=x), "n_distinct": formula("COUNT(DISTINCT x)", x=x)}
    others: dict[str, exp.Expr] = {}
    if type_ == "text":
        counted |= {"empty": formula("COUNT(CASE WHEN x = '' THEN 1 END)", x=x)}
        counted |= {"longest": formula("MAX(LENGTH(x))", x=x)}
    if type_ == "boolean":
        counted |= {"hits": formula("COUNT(CASE WHEN x THEN 1 END)", x=x)}
    if type_ == "prediction":
        counted |= {"hits": formula("COUNT(CASE WHEN x > 0.5e0 THEN 1 END)", x=x)}
    if type_ in _NUMBERS:
        counted |= {"tame": formula("COUNT(x)", x=_tame(index))}
        others = _number_aggregates(index, x)
    return {**{aggregate: cast(tree, "DOUBLE") for aggregate, tree in counted.items()}, **others}


def _number_aggregates(index: int, x: exp.Expr) -> dict[str, exp.Expr]:
    tame = _tame(index)
    size = formula("levels.rows * size", size=exp.column(f"size_{index}", table="levels"))
    away = formula("t - level", t=tame, level=exp.column(f"level_{index}", table="levels"))
    # A product of two differences below 1e-50 could underflow, which PostgreSQL refuses.
    distance = flushed(exp.Abs(this=away.copy()))
    squares = formula("distance * distance", distance=distance)
    square_bound = formula("4 * size * width", size=size, width=exp.column(f"size_{index}", table="levels"))
    fractions = exp.Array(expressions=[number(fraction) for fraction in QUANTILES])
    ordered = exp.Order(expressions=[exp.Ordered(this=x.copy(), nulls_first=False)])
    return {
        "total": exact_sum(tame, size),
        "shift": exact_sum(away, formula("2 * size", size=size)),
        "squares": exact_sum(squares, square_bound),
        # Where a window or slice lies far from the rest, the difference of the two sums has too few digits left.
        "plain_stddev": formula("STDDEV_SAMP(t)", t=tame),
        "least": exp.Min(this=x.copy()),
        "greatest": exp.Max(this=x.copy()),
        "q": exp.WithinGroup(this=exp.PercentileDisc(this=fractions), expression=ordered),
    }


def _long(columns: Mapping[str, str]) -> exp.Select:
    """A row for each metric of each column."""
    rows = [
        exp.Tuple(expressions=[exp.Literal.string(column), exp.Literal.string(metric.name), _value(metric, index)])
        for index, (column, type_) in enumerate(columns.items())
        for metric in PROFILE_METRICS
        if type_ in metric.types
    ]
    names = [exp.to_identifier(each) for each in ("column_name", "metric", "value")]
    each = exp.TableAlias(this=exp.to_identifier("each_metric"), columns=names)
    lateral = exp.Lateral(this=exp.Subquery(this=exp.Values(expressions=rows)), alias=each)
    keys = {key: exp.column(key, table="each_metric" if key == "column_name" else "grouped") for key in KEYS}
    long: Columns = {**keys, "metric": "each_metric.metric", "value": "each_metric.value"}
    return select(long, "grouped").join(lateral, join_type="cross", copy=False)


def _value(metric: ProfileMetric, index: int) -> exp.Expr:
    aggregates = {
        name: exp.column(name if name == "n" else f"{name}_{index}", table="grouped") for name in _read_by(metric.value)
    }
    return cast(formula(metric.value, **aggregates), "DOUBLE")


@cache
def _read_by(value: str) -> tuple[str, ...]:
    """The aggregates that a metric is made of."""
    return tuple({column.name: None for column in expression(value).find_all(exp.Column)})
