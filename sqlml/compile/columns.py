"""Which columns a compiled model reads, checked against what a dialect can tell apart."""

from __future__ import annotations

from sqlml.compile.dialect import Dialect
from sqlml.compile.feature import check_kind
from sqlml.errors import InvalidArgument
from sqlml.spec import Linear, Model, Trees

FEATURES = "features"
"""The name of the relation, or of the macro's argument, that holds the row."""


def check_columns(model: Model, dialect: Dialect) -> None:
    """Refuse a model whose columns the dialect cannot tell apart, or that reads a column as what it is not.

    Raises
    ------
    InvalidArgument
        Two columns differ by case alone and the dialect ignores case.
    InvalidSpec
        A feature's kind does not fit its column's type.
    """
    seen: dict[str, str] = {}
    for column in model.columns:
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name and not dialect.column_case:
            raise InvalidArgument(
                f"the model reads columns {other!r} and {column.name!r}, which {dialect.name} cannot tell apart; "
                "rename one of them in the training relation and train again"
            )
    for feature in model.features:
        check_kind(feature, model.column_of(feature))


def features_read(model: Model) -> tuple[int, ...]:
    """The features that the estimator reads, in order.

    >>> from sqlml.spec import Constant
    >>> features_read(Model("regression", (), (), Constant((1.0,)), "identity"))
    ()
    """
    estimator = model.estimator
    if isinstance(estimator, Linear):
        return tuple(sorted({term.feature for term in estimator.terms}))
    if isinstance(estimator, Trees):
        return tuple(sorted({feature for tree in estimator.trees for feature in tree.feature}))
    return ()


def free_prefix(model: Model) -> str:
    """What the names of values in between start with: ``sqlml_``, and no column of the model starts with it."""
    prefix = "sqlml_"
    while any(column.name.lower().startswith(prefix) for column in model.columns):
        prefix += "x_"
    return prefix
