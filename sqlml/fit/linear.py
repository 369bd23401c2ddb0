"""Logistic regression and ridge regression, fitted by scikit-learn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.design import Design, design_of, importance_of, linear_of
from sqlml.fit.names import unknown_name
from sqlml.fit.preprocess import Needs, features_for
from sqlml.fit.rows import Fitted, Progress, Rows
from sqlml.spec import Model

HYPERPARAMETERS = {
    "C": "binary, multiclass: the inverse of the L2 penalty, above 0 (default 1.0)",
    "alpha": "regression: the L2 penalty, 0 for least squares without any (default 1.0)",
    "max_iter": "steps of an iterative solver, 1 or more (default 1000)",
    "tol": "where an iterative solver stops, above 0 (default 1e-4; regression 1e-8)",
    "fit_intercept": "whether the model has an intercept (default true)",
    "class_weight": "binary, multiclass: null, 'balanced', or an object from class to weight (default null)",
}
"""One line per hyperparameter, by scikit-learn's names."""

_CLASSIFIER = {"C": 1.0, "max_iter": 1000, "tol": 1e-4, "fit_intercept": True, "class_weight": None}
_REGRESSOR = {"alpha": 1.0, "max_iter": 1000, "tol": 1e-8, "fit_intercept": True}
_LINKS = {"binary": "logistic", "multiclass": "softmax", "regression": "identity"}


def fit(
    rows: Rows,
    hyperparams: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
    progress: Progress | None = None,
) -> Fitted:
    """Fit ``LogisticRegression(solver="lbfgs")``, or for a regression ``Ridge``, on one thread.

    An ``alpha`` of 0 means ``LinearRegression``, which shares a coefficient out between columns that depend on each
    other. Numbers are imputed by their mean and standardised, categories become one level each, with a level for
    missing where the training rows have missing ones; without it, a missing or unseen category adds nothing.
    The result does not depend on ``seed``. ``importance`` is, by column, the share of the standard deviation
    of what the column adds to the raw scores over the training rows (``|coefficient| * std`` of a number).

    Raises
    ------
    InvalidHyperparameter
        A hyperparameter has a wrong value, or belongs to another task.
    InvalidData
        A column has infinite values, a class has no row, or the coefficients come out infinite.
    """
    params = _resolved(rows, hyperparams)
    _refuse_absent_classes(rows)
    prepared = features_for(rows, preprocess, Needs(complete=True, scale="standard"))
    design = design_of(rows, prepared)
    coefficients, intercepts, notes = _solution(rows, design, params)
    if not (np.isfinite(coefficients).all() and np.isfinite(intercepts).all()):
        raise InvalidData("the coefficients are not finite; use a stronger penalty (a smaller C, a larger alpha)")
    estimator = linear_of(design, coefficients, intercepts)
    model = Model(
        task=rows.task,
        columns=rows.columns,
        features=design.features,
        estimator=estimator,
        link=_LINKS[rows.task],
        classes=rows.classes,
        importance=importance_of(rows.columns, design, estimator),
    )
    if progress is not None:
        progress(1, 1)
    return Fitted(model, params, (*prepared.notes, *notes))


def _solution(
    rows: Rows, design: Design, params: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Coefficients (outputs, columns of the design), intercepts (outputs,), and what the solver warned of."""
    from threadpoolctl import threadpool_limits

    estimator = _classifier(rows, params) if rows.classes else _regressor(design, params)
    target = rows.target.astype(np.int64) if rows.classes else rows.target
    with threadpool_limits(limits=1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(design.matrix, target, sample_weight=rows.weight)
    notes = tuple(dict.fromkeys(_note(warning.message, params) for warning in caught))
    coefficients = np.atleast_2d(estimator.coef_)
    return coefficients, np.broadcast_to(np.atleast_1d(estimator.intercept_), len(coefficients)), notes


def _note(warning: Warning | str, params: Mapping[str, Any]) -> str:
    from sklearn.exceptions import ConvergenceWarning

    if isinstance(warning, ConvergenceWarning):
        return f"the solver did not converge in {params['max_iter']} steps; raise max_iter or strengthen the penalty"
    return " ".join(str(warning).split())


def _classifier(rows: Rows, params: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    weights = params["class_weight"]
    if isinstance(weights, dict):
        weights = {code: weights.get(name, 1.0) for code, name in enumerate(rows.classes)}
    return LogisticRegression(solver="lbfgs", **{**params, "class_weight": weights})


def _regressor(design: Design, params: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LinearRegression, Ridge

    if params["alpha"] == 0.0:  # Ridge would solve a singular system where columns depend on each other
        return LinearRegression(fit_intercept=params["fit_intercept"])
    return Ridge(solver="sparse_cg" if design.sparse else "auto", **params)


def _refuse_absent_classes(rows: Rows) -> None:
    absent = sorted(set(range(len(rows.classes))) - {int(code) for code in np.unique(rows.target)})
    if absent:
        raise InvalidData(
            f"class {rows.classes[absent[0]]!r} has no row to fit a linear model on; leave it out or add rows"
        )


def _resolved(rows: Rows, hyperparams: Mapping[str, Any]) -> dict[str, Any]:
    """Every hyperparameter of the task with its value, checked."""
    defaults = _CLASSIFIER if rows.classes else _REGRESSOR
    for name in hyperparams:
        if name not in defaults:
            raise InvalidHyperparameter(
                f"algorithm 'linear' has no hyperparameter {name!r} for a {rows.task} model; "
                + unknown_name(name, defaults)
            )
    params = {**defaults, **hyperparams}
    for name in ("C", "tol", "alpha"):
        if name in params:
            params[name] = _number(name, params[name], zero_allowed=name == "alpha")
    if isinstance(params["max_iter"], bool) or not isinstance(params["max_iter"], int) or params["max_iter"] < 1:
        raise InvalidHyperparameter(f"max_iter must be a whole number from 1, got {params['max_iter']!r}")
    if not isinstance(params["fit_intercept"], bool):
        raise InvalidHyperparameter(f"fit_intercept must be true or false, got {params['fit_intercept']!r}")
    if "class_weight" in params:
        params["class_weight"] = _class_weight(rows, params["class_weight"])
    return params


def _number(name: str, value: Any, zero_allowed: bool) -> float:
    wanted = "a number from 0" if zero_allowed else "a number above 0"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 <= value < math.inf):
        raise InvalidHyperparameter(f"{name} must be {wanted}, got {value!r}")
    if value == 0 and not zero_allowed:
        raise InvalidHyperparameter(f"{name} must be {wanted}, got {value!r}")
    return float(value)


def _class_weight(rows: Rows, value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, Mapping):
        raise InvalidHyperparameter(f"class_weight must be null, 'balanced' or an object by class, got {value!r}")
    for name in value:
        if name not in rows.classes:
            raise InvalidHyperparameter(f"class_weight names {name!r}, not a class; {unknown_name(name, rows.classes)}")
    return {
        str(name): _number(f"class_weight of {name!r}", weight, zero_allowed=False) for name, weight in value.items()
    }
