"""Linear models, with scikit-learn's own pipelines as the oracle, scored by the kernel."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.algorithm import fit_model
from sqlml.fit.outputs import model_outputs
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.spec import CategoryTerm, NumericTerm, from_json, to_json

N = 400
RANDOM = np.random.default_rng(17)
A, B, C = RANDOM.normal(size=(3, N))
WORDS = RANDOM.choice(["b", "a", "ö", "Z"], N)
SCORE = A - 2 * B + 1.5 * (WORDS == "a") + 0.3 * RANDOM.normal(size=N)
FRAME = pd.DataFrame(
    {
        "a": np.where(RANDOM.random(N) < 0.1, np.nan, 100 * A + 5),
        "b": B,
        "flag": C > 0.5,
        "word": np.where(RANDOM.random(N) < 0.1, None, WORDS),
        "wide": [f"level {i % 150:03}" for i in range(N)],
        "w": RANDOM.exponential(size=N),
        "binary": SCORE > 0.4,
        "multiclass": np.select([SCORE < -1, SCORE < 1], ["low", "mid"], "up"),
        "regression": 3 * SCORE + 50,
    }
)
TASKS = ("binary", "multiclass", "regression")
FEATURES = ("a", "b", "flag", "word")
TIGHT = {"tol": 1e-10}


def rows_of(task, features=FEATURES, weight=None, frame=FRAME):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return read_rows(table, Roles(task, features, weight_column=weight), task)


def oracle_of(rows, task, features=FEATURES, sparse=False, **params):
    """A pipeline as a user of scikit-learn would write it, fitted on the same rows, and its answers on them."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    parts = {"a": numbers, "b": numbers, "flag": "passthrough"}
    parts |= {name: OneHotEncoder(handle_unknown="ignore") for name in ("word", "wide")}
    columns = make_column_transformer(
        *((parts[name], [name]) for name in features), sparse_threshold=1.0 if sparse else 0.0
    )
    frame = rows.table.to_pandas()
    if task == "regression":
        pipeline = make_pipeline(columns, Ridge(**params))
        return pipeline.fit(frame, rows.target, ridge__sample_weight=rows.weight).predict(frame)
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=1000, **params))
    answers = pipeline.fit(frame, rows.target, logisticregression__sample_weight=rows.weight).predict_proba(frame)
    return answers[:, 1] if task == "binary" else answers


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("task", TASKS)
def test_answers_are_those_of_a_pipeline_of_scikit_learn(task, weight):
    rows = rows_of(task, weight=weight)
    params = {} if task == "regression" else TIGHT
    found = fit_model("linear", rows, params, {}, 42)
    np.testing.assert_allclose(model_outputs(found.model, rows), oracle_of(rows, task, **params), rtol=1e-9)
    assert found.notes == ()


@pytest.mark.parametrize("task", TASKS)
def test_many_levels_are_fitted_in_a_sparse_matrix(task):
    rows = rows_of(task, ("a", "b", "wide"))
    params = {"tol": 1e-10} | ({"alpha": 0.5, "solver": "sparse_cg"} if task == "regression" else {"C": 2.0})
    given = {name: value for name, value in params.items() if name != "solver"}
    outputs = model_outputs(fit_model("linear", rows, given, {}, 42).model, rows)
    oracle = oracle_of(rows, task, ("a", "b", "wide"), sparse=True, **params)
    np.testing.assert_allclose(outputs, oracle, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("task", "given", "params"),
    [
        ("binary", {"class_weight": "balanced"}, {"class_weight": "balanced"}),
        ("multiclass", {"class_weight": {"up": 3}}, {"class_weight": {0: 1.0, 1: 1.0, 2: 3.0}}),
        ("binary", {"C": 0.01, "fit_intercept": False}, {"C": 0.01, "fit_intercept": False}),
        ("regression", {"alpha": 50, "fit_intercept": False}, {"alpha": 50, "fit_intercept": False}),
        ("regression", {"alpha": 0}, {"alpha": 1e-12}),
    ],
)
def test_hyperparameters_are_those_of_scikit_learn(task, given, params):
    rows = rows_of(task, ("a", "b"))
    tight = {} if task == "regression" else TIGHT
    found = fit_model("linear", rows, {**given, **tight}, {}, 42)
    np.testing.assert_allclose(
        model_outputs(found.model, rows), oracle_of(rows, task, ("a", "b"), **params, **tight), rtol=1e-9
    )
    assert {**found.hyperparams, **given} == found.hyperparams


def test_columns_that_depend_on_each_other_share_a_coefficient_where_there_is_no_penalty():
    frame = FRAME.assign(a=FRAME.b)
    model = fit_model("linear", rows_of("regression", ("a", "b", "word"), frame=frame), {"alpha": 0}, {}, 1).model
    one, two, _ = model.estimator.terms
    assert one.coefficients[0] == pytest.approx(two.coefficients[0])
    alone = fit_model("linear", rows_of("regression", ("b", "word")), {"alpha": 0}, {}, 1).model
    assert one.coefficients[0] + two.coefficients[0] == pytest.approx(alone.estimator.terms[0].coefficients[0])


def test_every_hyperparameter_that_was_used_is_told():
    assert fit_model("linear", rows_of("binary"), {"C": 2}, {}, 1).hyperparams == {
        "C": 2.0,
        "max_iter": 1000,
        "tol": 1e-4,
        "fit_intercept": True,
        "class_weight": None,
    }
    assert fit_model("linear", rows_of("regression"), {}, {}, 1).hyperparams == {
        "alpha": 1.0,
        "max_iter": 1000,
        "tol": 1e-8,
        "fit_intercept": True,
    }


@pytest.mark.parametrize("task", TASKS)
def test_the_same_rows_give_the_same_model_in_any_order_and_with_any_number_of_threads(task):
    features = (*FEATURES, "wide")
    with threadpool_limits(1):
        one = fit_model("linear", rows_of(task, features), {}, {}, 1)
    two = fit_model("linear", rows_of(task, features, frame=FRAME.sample(frac=1, random_state=3)), {}, {}, 2)
    assert to_json(one.model) == to_json(two.model)
    assert from_json(to_json(one.model)) == one.model


def word_term(rows, preprocess):
    model = fit_model("linear", rows, {}, preprocess, 1).model
    (term,) = [term for term in model.estimator.terms if model.features[term.feature].column == "word"]
    return model, term


def test_missing_is_a_level_where_training_rows_are_missing():
    model, term = word_term(rows_of("binary"), {})
    assert isinstance(term, CategoryTerm)
    assert term.missing != (0.0,)
    unseen = FRAME.assign(word="never seen")
    absent = FRAME.assign(word=pd.Series([None] * N, dtype="string"))
    rows = [rows_of("binary", frame=frame) for frame in (unseen, absent)]
    answers = [np.sort(model_outputs(model, each)) for each in rows]
    np.testing.assert_array_equal(*answers)


def test_missing_adds_nothing_where_no_training_row_is_missing():
    _, term = word_term(rows_of("multiclass", frame=FRAME[FRAME.word.notna()]), {})
    assert term.missing == (0.0, 0.0, 0.0)
    assert len(term.weights) == 4


def test_a_missing_category_is_imputed():
    model, term = word_term(rows_of("binary"), {"word": {"impute": "b"}})
    assert term.missing == term.weights[model.features[term.feature].categories.index("b")]
    filled, filled_term = word_term(rows_of("binary", frame=FRAME.fillna({"word": "b"})), {})
    np.testing.assert_allclose(filled_term.weights, term.weights, rtol=1e-6)
    assert filled.importance == pytest.approx(model.importance)


def test_an_ordinal_category_is_a_number():
    model, term = word_term(rows_of("binary"), {"word": {"encode": "ordinal"}})
    assert isinstance(term, NumericTerm)
    assert model.features[term.feature].impute is not None


def test_importance_is_the_share_of_what_a_column_moves():
    rows = rows_of("regression", ("a", "b", "word"))
    model = fit_model("linear", rows, {}, {}, 1).model
    moved = []
    for index, term in enumerate(model.estimator.terms):
        values = rows.table.column(index).to_pandas()
        if isinstance(term, NumericTerm):
            moved.append(
                abs(term.coefficients[0]) * values.fillna(values.mean()).std(ddof=0) / model.features[index].scale
            )
        else:
            weights = dict(zip(model.features[index].categories, (each[0] for each in term.weights), strict=True))
            moved.append(values.map(weights).fillna(term.missing[0]).std(ddof=0))
    assert model.importance == pytest.approx(np.array(moved) / sum(moved))
    assert sum(model.importance) == pytest.approx(1.0)


def test_parts_of_one_column_share_its_importance():
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(N), unit="D")
    frame = FRAME.assign(day=days, binary=days.month > 6)
    model = fit_model("linear", rows_of("binary", ("b", "day"), frame=frame), {}, {}, 1).model
    assert len(model.features) == 5
    assert len(model.importance) == 2
    assert model.importance[1] > 0.9


def test_a_solver_that_gives_up_says_so_in_a_note():
    found = fit_model("linear", rows_of("binary"), {"max_iter": 1}, {}, 1)
    assert found.notes == ("the solver did not converge in 1 steps; raise max_iter or strengthen the penalty",)


def test_useless_columns_do_no_harm():
    frame = FRAME.assign(same=7.0, empty=np.nan)
    model = fit_model("linear", rows_of("binary", ("b", "same", "empty"), frame=frame), {}, {}, 1).model
    assert model.importance == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("preprocess", [{}, {"a": {"scale": "none", "impute": 0}}])
def test_infinite_values_are_refused(preprocess):
    frame = FRAME.assign(a=np.where(FRAME.b > 1, np.inf, FRAME.a))
    with pytest.raises(InvalidData, match=f"column 'a' has {(FRAME.b > 1).sum()} infinite values"):
        fit_model("linear", rows_of("binary", frame=frame), {}, preprocess, 1)


def test_a_class_without_rows_is_refused():
    rows = rows_of("multiclass")
    with pytest.raises(InvalidData, match="class 'mid' has no row"):
        fit_model("linear", rows.take(np.flatnonzero(rows.target != 1)), {}, {}, 1)


@pytest.mark.parametrize(
    ("task", "hyperparams", "pieces"),
    [
        ("regression", {"C": 1}, ["'linear' has no hyperparameter 'C' for a regression model", "known are: alpha"]),
        ("binary", {"alpha": 1}, ["'linear' has no hyperparameter 'alpha' for a binary model"]),
        ("binary", {"C": 0}, ["C must be a number above 0, got 0"]),
        ("binary", {"C": "1"}, ["C must be a number above 0, got '1'"]),
        ("binary", {"tol": float("inf")}, ["tol must be a number above 0"]),
        ("regression", {"alpha": -1}, ["alpha must be a number from 0, got -1"]),
        ("binary", {"max_iter": 2.5}, ["max_iter must be a whole number from 1"]),
        ("binary", {"fit_intercept": 1}, ["fit_intercept must be true or false"]),
        ("binary", {"class_weight": "even"}, ["class_weight must be null, 'balanced' or an object"]),
        ("binary", {"class_weight": {"yes": 1}}, ["class_weight names 'yes', not a class", "known are: false, true"]),
        ("binary", {"class_weight": {"true": 0}}, ["class_weight of 'true' must be a number above 0"]),
    ],
)
def test_hyperparameters_that_are_refused(task, hyperparams, pieces):
    with pytest.raises(InvalidHyperparameter, match=".*".join(map(re.escape, pieces))):
        fit_model("linear", rows_of(task), hyperparams, {}, 1)
