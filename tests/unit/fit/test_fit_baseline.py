"""The constant model: frequencies, means, and a constant that a person gives."""

import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.algorithm import fit_model
from sqlml.fit.outputs import model_outputs
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.spec import Constant, from_json, to_json

N = 60
TARGETS = {
    "binary": [i % 3 == 0 for i in range(N)],
    "multiclass": [["a", "b", "b", "c"][i % 4] for i in range(N)],
    "regression": [i**1.5 for i in range(N)],
}


def rows_of(task, weight=None):
    columns = {"x": range(N), "w": np.arange(N) % 7 * 1.5, "y": TARGETS[task]}
    return read_rows(pa.table(columns), Roles("y", ("x",), weight_column=weight), task)


def fitted(task, weight=None, **hyperparams):
    return fit_model("baseline", rows_of(task, weight), hyperparams, {}, 42)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("task", TARGETS)
def test_the_answer_is_that_of_scikit_learns_dummies(task, weight):
    rows = rows_of(task, weight)
    outputs = model_outputs(fitted(task, weight).model, rows)
    x = np.zeros((N, 1))
    if task == "regression":
        oracle = DummyRegressor().fit(x, rows.target, sample_weight=rows.weight).predict(x)
    else:
        oracle = DummyClassifier(strategy="prior").fit(x, rows.target, sample_weight=rows.weight).predict_proba(x)
        oracle = oracle[:, 1] if task == "binary" else oracle
    np.testing.assert_allclose(outputs, oracle, rtol=1e-12)


@pytest.mark.parametrize(
    ("task", "constant", "values"),
    [
        ("binary", 0.25, (0.25,)),
        ("binary", 1, (1.0,)),
        ("regression", -3, (-3.0,)),
        ("multiclass", {"c": 0.75, "a": 0.25}, (0.25, 0.0, 0.75)),
    ],
)
def test_a_given_constant_is_the_answer(task, constant, values):
    found = fitted(task, constant=constant)
    assert found.model.estimator == Constant(values)
    assert found.hyperparams == {"constant": constant}


def test_the_model_keeps_the_contract_of_the_columns():
    found = fitted("multiclass")
    assert [column.name for column in found.model.columns] == ["x"]
    assert (found.model.features, found.model.link, found.model.importance) == ((), "identity", (0.0,))
    assert found.model.classes == ("a", "b", "c")
    assert from_json(to_json(found.model)) == found.model
    assert found.hyperparams == {"constant": None}
    assert fit_model("baseline", rows_of("multiclass"), found.hyperparams, {}, 1) == found


def test_progress_reaches_its_end():
    steps = []
    fit_model("baseline", rows_of("binary"), {}, {}, 1, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]


@pytest.mark.parametrize(
    ("task", "constant", "pieces"),
    [
        ("binary", 1.5, ["constant is 1.5", "probability of class 'true', a number from 0 to 1"]),
        ("binary", "0.5", ["constant is '0.5'"]),
        ("binary", True, ["constant is True"]),
        ("regression", float("nan"), ["constant is nan", "a finite number"]),
        ("regression", 10**400, ["a finite number"]),
        ("multiclass", 0.5, ["an object from class to probability"]),
        ("multiclass", {"a": 0.5, "d": 0.5}, ["names 'd', not a class", "known are: a, b, c"]),
        ("multiclass", {"a": 0.5, "b": 0.4}, ["add up to 1"]),
        ("multiclass", {"a": 1.5, "b": -0.5}, ["from 0 to 1"]),
        ("multiclass", {"a": "1"}, ["from 0 to 1"]),
    ],
)
def test_constants_that_are_refused(task, constant, pieces):
    with pytest.raises(InvalidHyperparameter, match=".*".join(map(re.escape, pieces))):
        fitted(task, constant=constant)


def test_preprocessing_is_checked_although_it_has_no_effect():
    with pytest.raises(InvalidHyperparameter, match="names 'z'"):
        fit_model("baseline", rows_of("binary"), {}, {"z": {}}, 1)


def test_rows_without_weight_have_no_mean():
    rows = rows_of("regression", "w")
    light = rows.take(np.flatnonzero(rows.weight == 0))
    with pytest.raises(InvalidData, match="all rows have weight 0"):
        fit_model("baseline", light, {}, {}, 1)
