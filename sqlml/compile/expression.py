"""Constant and linear models as plain expressions over a row; DuckDB only, the size is that of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from sqlml.compile.binding import bound, list_item, typed_list
from sqlml.compile.columns import features_read
from sqlml.compile.dialect import DIALECTS
from sqlml.compile.literal import double
from sqlml.compile.nested import ordered_sum, raw_scores
from sqlml.compile.row import category_code, row_value
from sqlml.spec import CategoryTerm, Linear, Model, NumericTerm

_DUCKDB = DIALECTS["duckdb"]


def raw_expression(model: Model, name: str) -> exp.Expr:
    """The raw score of a row ``features``: DOUBLE for one output, DOUBLE[] for several.

    ``model.estimator`` must be Constant or Linear. A category looks its weight up in a list, so that a column of
    thousands of categories costs a row no more than one of two.
    """
    estimator = model.estimator
    if not isinstance(estimator, Linear):
        constants = raw_scores(estimator, (), _DUCKDB)
        return constants[0] if len(constants) == 1 else typed_list(constants, "DOUBLE")
    values = _values(model, estimator, name)
    if estimator.outputs == 1:
        return _sum(estimator, 0, values)
    names = {index: list_item(exp.column("x"), place) for place, index in enumerate(values, 1)}
    sums = [_sum(estimator, output, names) for output in range(estimator.outputs)]
    return bound("x", typed_list(list(values.values()), "DOUBLE"), typed_list(sums, "DOUBLE"))


def _values(model: Model, estimator: Linear, name: str) -> dict[int, exp.Expr]:
    """The value of each feature that is read: of a category its position, one behind the last where missing."""
    categorical = {term.feature for term in estimator.terms if isinstance(term, CategoryTerm)}
    return {
        index: category_code(model, index, name)
        if index in categorical
        else row_value(model, model.features[index], name)
        for index in features_read(model)
    }


def _sum(estimator: Linear, output: int, values: Mapping[int, exp.Expr]) -> exp.Expr:
    terms = [_term(term, output, values[term.feature].copy()) for term in estimator.terms]
    return ordered_sum([double(estimator.intercepts[output], _DUCKDB), *terms])


def _term(term: NumericTerm | CategoryTerm, output: int, value: exp.Expr) -> exp.Expr:
    if isinstance(term, NumericTerm):
        return exp.Mul(this=double(term.coefficients[output], _DUCKDB), expression=value)
    weights = _doubles([weights[output] for weights in (*term.weights, term.missing)])
    position = exp.cast(exp.Add(this=value, expression=exp.Literal.number(1)), exp.DataType.Type.BIGINT)
    return list_item(weights, position)


def _doubles(values: Sequence[float]) -> exp.Expr:
    """A constant list of doubles as one text: DuckDB reads every number of it exactly, and faster than casts."""
    literal = exp.Literal.string(f"[{', '.join(map(repr, values))}]")
    return exp.cast(literal, exp.DataType.build("DOUBLE[]", dialect="duckdb"))
