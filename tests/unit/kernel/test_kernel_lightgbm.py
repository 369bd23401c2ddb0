"""Raw scores of trees against LightGBM itself, bit for bit."""

from math import inf, nextafter

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from sqlml.kernel.encode import ZERO
from sqlml.kernel.links import labels, probabilities
from sqlml.kernel.scorer import scorer
from sqlml.spec import Column, Feature, Model, Tree, Trees

CATEGORIES = 12
TASKS = ("binary", "multiclass", "regression")


def tree_of(structure):
    """A tree of ``Booster.dump_model()`` as a spec."""
    nodes, leaves = [], []

    def add(node):
        if "leaf_value" in node:
            leaves.append(float(node["leaf_value"]))
            return -len(leaves)
        place = len(nodes)
        nodes.append(None)
        missing_left = node["default_left"] if node["missing_type"] != "None" else float_or_zero(node) >= 0
        codes = None
        if node["decision_type"] == "==":
            codes, missing_left = tuple(int(code) for code in node["threshold"].split("||")), False
        left, right = add(node["left_child"]), add(node["right_child"])
        nodes[place] = (node["split_feature"], float_or_zero(node), missing_left, left, right, codes)
        return place

    add(structure)
    arrays = zip(*nodes, strict=True) if nodes else [()] * 6
    return Tree(*map(tuple, arrays), leaf=tuple(leaves))


def float_or_zero(node):
    """The threshold. Where ``dump_model`` writes 1e300 LightGBM has infinity, where -1e300 the lowest double."""
    threshold = float(node["threshold"]) if node["decision_type"] == "<=" else 0.0
    return {1e300: inf, -1e300: float(np.finfo(float).min)}.get(threshold, threshold)


def model_of(booster, task, kinds, zero_is_missing=False):
    dump = booster.dump_model()
    names = tuple(str(code) for code in range(CATEGORIES))
    features = tuple(
        Feature(f"x{at}", kind, names if kind == "category" else (), zero_is_missing=zero_is_missing)
        for at, kind in enumerate(kinds)
    )
    columns = tuple(Column(f"x{at}", "text" if kind == "category" else "number") for at, kind in enumerate(kinds))
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    trees = Trees(dump["num_tree_per_iteration"], tuple(tree_of(tree["tree_structure"]) for tree in dump["tree_info"]))
    link = {"binary": "logistic", "multiclass": "softmax", "regression": "identity"}[task]
    return Model(task, columns, features, trees, link, classes)


def random_matrix(random, rows, kinds):
    """Numbers with ties, gaps, infinities and both zeros, and codes, some of them unknown."""
    matrix = np.asfortranarray(random.normal(size=(rows, len(kinds))))
    for at, kind in enumerate(kinds):
        if kind == "category":
            matrix[:, at] = random.integers(0, CATEGORIES, rows)
        elif random.random() < 0.5:
            matrix[:, at] = np.round(matrix[:, at], int(random.integers(0, 3)))
        special = random.choice([np.nan, np.nan, 0.0, -0.0, 1e-36, -1e-35, np.inf, -np.inf], rows)
        replaced = random.random(rows) < random.choice([0.0, 0.05, 0.4])
        matrix[replaced, at] = np.where(replaced, special, 0)[replaced] if kind == "number" else np.nan
    return matrix


def trained(random, task, kinds, **settings):
    rows = int(random.integers(60, 500))
    matrix = random_matrix(random, rows, kinds)
    signal = np.nan_to_num(matrix, posinf=3, neginf=-3).sum(axis=1) + random.normal(size=rows)
    target = {
        "binary": lambda: signal > np.median(signal),
        "multiclass": lambda: np.digitize(signal, np.quantile(signal, [0.3, 0.6])),
        "regression": lambda: signal,
    }[task]()
    parameters = {
        "objective": task,
        "num_class": 3 if task == "multiclass" else 1,
        "num_leaves": int(random.choice([2, 3, 8, 9, 31, 32, 33, 64, 65, 300])),
        "min_data_in_leaf": 1,
        "min_data_per_group": 1,
        "min_sum_hessian_in_leaf": 0.0,
        "max_cat_to_onehot": int(random.choice([1, 4, 20])),
        "num_threads": 1,
        "deterministic": True,
        "verbose": -1,
        **settings,
    }
    categorical = [at for at, kind in enumerate(kinds) if kind == "category"]
    data = lgb.Dataset(matrix, target, categorical_feature=categorical, params={"min_data_in_bin": 1, "verbose": -1})
    return lgb.train(parameters, data, int(random.integers(1, 6)))


def at_thresholds(random, model, matrix):
    """Some numbers replaced by thresholds of the model and by the doubles next to them.

    Not by one within 1e-35 of zero: LightGBM reads it as 0.0, and at its own threshold of -1e-35 that matters.
    """
    for tree in model.estimator.trees:
        for feature, threshold, codes in zip(tree.feature, tree.threshold, tree.categories, strict=True):
            if codes is None:
                near = random.choice([threshold, nextafter(threshold, inf), nextafter(threshold, -inf)])
                matrix[random.integers(len(matrix)), feature] = 0.0 if abs(near) <= ZERO else near
    return matrix


def assert_same_bits(ours, theirs):
    np.testing.assert_array_equal(ours.view(np.int64), theirs.reshape(ours.shape).view(np.int64))


@pytest.mark.parametrize("use_missing", [True, False])
@pytest.mark.parametrize("seed", range(120))
def test_raw_scores_are_those_of_lightgbm_bit_for_bit(seed, use_missing):
    random = np.random.default_rng([seed, use_missing])
    task = TASKS[seed % 3]
    kinds = tuple(random.choice(["number", "number", "category"], int(random.integers(1, 7))))
    booster = trained(random, task, kinds, use_missing=use_missing)
    model = model_of(booster, task, kinds)
    matrix = at_thresholds(random, model, random_matrix(random, 600, kinds))
    expected = booster.predict(matrix, raw_score=True)
    ready = scorer(model)
    assert_same_bits(ready.raw(matrix), expected)
    assert_same_bits(np.vstack([ready.raw(matrix[row : row + 7]) for row in range(0, 70, 7)]), expected[:70])


@pytest.mark.parametrize("seed", range(40))
def test_zero_is_missing_as_in_lightgbm(seed):
    random = np.random.default_rng(seed)
    task, kinds = TASKS[seed % 3], ("number",) * 4
    booster = trained(random, task, kinds, zero_as_missing=True)
    model = model_of(booster, task, kinds, zero_is_missing=True)
    matrix = random_matrix(random, 400, kinds)
    columns = {f"x{at}": pa.array(matrix[:, at], mask=np.isnan(matrix[:, at])) for at in range(4)}
    assert_same_bits(scorer(model).raw_rows(columns), booster.predict(matrix, raw_score=True))


@pytest.mark.parametrize("task", TASKS)
def test_outputs_and_classes_are_those_of_lightgbm(task):
    random = np.random.default_rng(5)
    kinds = ("number", "number", "category")
    booster = trained(random, task, kinds)
    model = model_of(booster, task, kinds)
    matrix = random_matrix(random, 300, kinds)
    ready = scorer(model)
    output = ready.output(ready.raw(matrix))
    expected = booster.predict(matrix)
    np.testing.assert_array_max_ulp(output, expected.reshape(output.shape), maxulp=0)
    if task == "binary":
        assert labels(model, output).tolist() == ["yes" if p > 0.5 else "no" for p in expected]
        np.testing.assert_array_equal(probabilities(model, output)[:, 0], 1 - output[:, 0])
    if task == "multiclass":
        assert labels(model, output).tolist() == [("a", "b", "c")[code] for code in expected.argmax(axis=1)]


def test_every_leaf_width_has_been_seen():
    """Trees of one leaf, of one byte of mask, and of many."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(3000, 3))
    target = matrix.sum(axis=1) + random.normal(size=3000)
    for leaves in (2, 8, 9, 63, 64, 65, 128, 300, 900, 1500):
        data = lgb.Dataset(matrix, target, params={"verbose": -1})
        settings = {
            "objective": "regression",
            "num_leaves": leaves,
            "min_data_in_leaf": 1,
            "num_threads": 1,
            "verbose": -1,
        }
        booster = lgb.train(settings, data, 2)
        model = model_of(booster, "regression", ("number",) * 3)
        assert {len(tree.leaf) for tree in model.estimator.trees} == {leaves}
        assert_same_bits(scorer(model).raw(matrix), booster.predict(matrix, raw_score=True))


def test_a_model_that_found_no_split():
    matrix = np.zeros((50, 2))
    data = lgb.Dataset(matrix, np.ones(50), params={"verbose": -1, "feature_pre_filter": False})
    booster = lgb.train({"objective": "regression", "num_threads": 1, "verbose": -1}, data, 3)
    model = model_of(booster, "regression", ("number",) * 2)
    assert all(not tree.feature for tree in model.estimator.trees)
    assert_same_bits(scorer(model).raw(matrix), booster.predict(matrix, raw_score=True))
