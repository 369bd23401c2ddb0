"""LightGBM itself as the oracle: what a spec says, walked in plain Python and by the kernel, is what it predicts."""

import math

import lightgbm as lgb
import numpy as np
import pytest

from sqlml.fit.lightgbm_text import LINK_OF_OBJECTIVE, ZERO, read_model_text, to_trees
from sqlml.kernel.scorer import scorer
from sqlml.spec import Column, Feature, Model

EXTREMES = [
    *(np.nan, np.inf, -np.inf, 1e308, -1e308, 1.7e308, 5e-324, -1e-320, 0.0, -0.0, 1.0, -1.0, 1e-35, -1e-35),
    *(ZERO, -ZERO, np.nextafter(ZERO, 1), np.nextafter(-ZERO, -1), np.nextafter(ZERO, 0), np.nextafter(-ZERO, 0)),
]
OBJECTIVES = [*LINK_OF_OBJECTIVE, "binary", "multiclass"]
CODES = 70


def walked(features, trees, matrix):
    """Raw scores (rows, outputs) by the rules of the spec, one row and one tree after the other."""
    raw = np.zeros((len(matrix), trees.outputs))
    for row, numbers in enumerate(matrix.tolist()):
        values = [value_read(feature, number) for feature, number in zip(features, numbers, strict=True)]
        for position, tree in enumerate(trees.trees):
            raw[row, position % trees.outputs] += leaf_reached(tree, values)
    return raw


def value_read(feature, number):
    if feature.kind == "category":
        return number if number in range(len(feature.categories)) else math.nan
    return math.nan if feature.zero_is_missing and abs(number) <= ZERO else number


def leaf_reached(tree, values):
    node = 0 if tree.feature else -1
    while node >= 0:
        value = values[tree.feature[node]]
        if math.isnan(value):
            left = tree.missing_left[node]
        elif tree.categories[node] is not None:
            left = value in tree.categories[node]
        else:
            left = value <= tree.threshold[node]
        node = tree.left[node] if left else tree.right[node]
    return tree.leaf[-node - 1]


def linked(link, scores):
    """The outputs of one row by the rules of the spec, with the exponential function of C as in LightGBM."""
    if link == "logistic":
        return [1 / (1 + math.exp(-score)) for score in scores]
    if link == "exponential":
        return [math.exp(score) for score in scores]
    if link == "softmax":
        powers = [math.exp(score - max(scores)) for score in scores]
        total = 0.0
        for power in powers:
            total += power
        return [power / total for power in powers]
    return scores


def drawn_column(rng, rows):
    """Values of one column, and its categories where it has codes."""
    kind = rng.integers(0, 6)
    categories = ()
    if kind == 0:
        values = rng.normal(size=rows)
    elif kind == 1:
        values = rng.choice(EXTREMES, rows)
    elif kind == 2:
        values = rng.integers(-2, 3, rows).astype(float)
    elif kind == 3:
        values = np.where(rng.random(rows) < 0.3, 0.0, rng.normal(size=rows) * 10.0 ** rng.integers(-300, 300))
    elif kind == 4:
        count = int(rng.integers(1, CODES))
        # A geometric distribution has categories so rare that LightGBM's bins leave them out.
        drawn = rng.geometric(0.1, rows) - 1 if rng.random() < 0.5 else rng.integers(0, count, rows)
        values, categories = np.minimum(drawn, count - 1).astype(float), tuple(map(str, range(count)))
    else:
        values = np.full(rows, 3.0)
    if rng.random() < 0.5:
        values[rng.random(rows) < rng.choice([0.05, 0.5])] = np.nan
    return values, categories


def drawn_params(rng, objective, categorical):
    params = {
        "objective": objective,
        "num_class": 3 if objective == "multiclass" else 1,
        "min_data_in_leaf": int(rng.choice([1, 2, 5, 20])),
        "num_leaves": int(rng.choice([2, 5, 16, 31])),
        "min_data_in_bin": int(rng.choice([1, 3])),
        "min_data_per_group": int(rng.choice([1, 5, 100])),
        "cat_smooth": float(rng.choice([0, 10])),
        "max_cat_to_onehot": int(rng.choice([1, 4, 64])),
        "learning_rate": float(rng.choice([0.1, 0.5])),
        "max_bin": int(rng.choice([2, 3, 15, 255])),
        "boosting": "dart" if rng.random() < 0.2 else "gbdt",
        "data_sample_strategy": "goss" if rng.random() < 0.2 else "bagging",
    }
    if params["data_sample_strategy"] == "bagging":
        params |= {"bagging_fraction": 0.6, "bagging_freq": int(rng.integers(0, 2))}
    sometimes = {
        "zero_as_missing": True,
        "use_missing": False,
        "feature_fraction": 0.6,
        "extra_trees": True,
        "max_depth": 3,
        "path_smooth": 1.0,
        "lambda_l1": 0.1,
        "max_bin_by_feature": [int(bins) for bins in rng.integers(2, 20, len(categorical))],
    }
    params |= {name: value for name, value in sometimes.items() if rng.random() < 0.2}
    if rng.random() < 0.3 and objective not in ("regression_l1", "quantile", "mape"):
        params["monotone_constraints"] = [0 if fixed else int(rng.integers(-1, 2)) for fixed in categorical]
        params["monotone_constraints_method"] = str(rng.choice(["basic", "intermediate", "advanced"]))
    return params


def drawn_target(rng, objective, matrix):
    plain = np.where(np.abs(matrix) < 10, matrix, 1.0)
    score = np.sin(7 * plain).sum(1) + plain @ rng.normal(size=plain.shape[1]) + np.isnan(matrix).sum(1)
    score += rng.normal(size=len(score)) * 0.3
    if objective == "binary":
        return (score > np.median(score)).astype(float)
    if objective == "multiclass":
        return np.digitize(score, np.quantile(score, [0.3, 0.6])).astype(float)
    return np.abs(score) + 0.1 if LINK_OF_OBJECTIVE[objective] == "exponential" else score


def trained(rng, objective):
    """A small random model: the booster, its training matrix, and the features of its columns."""
    rows = int(rng.choice([20, 60, 200]))
    columns = [drawn_column(rng, rows) for _ in range(rng.integers(1, 6))]
    matrix = np.asfortranarray(np.column_stack([values for values, _ in columns]))
    features = tuple(
        Feature(f"c{index}", "category" if categories else "number", categories)
        for index, (_, categories) in enumerate(columns)
    )
    categorical = [bool(categories) for _, categories in columns]
    fixed = {"verbosity": -1, "seed": 1, "deterministic": True, "force_row_wise": True, "num_threads": 1}
    params = drawn_params(rng, objective, categorical) | fixed
    dataset = lgb.Dataset(
        matrix,
        drawn_target(rng, objective, matrix),
        weight=rng.random(rows) + 0.1 if rng.random() < 0.3 else None,
        categorical_feature=[index for index, fixed in enumerate(categorical) if fixed],
        params=params,
    )
    return lgb.train(params, dataset, int(rng.integers(1, 15)), keep_training_booster=True), matrix, features


def probes(rng, matrix, features, model):
    """Training rows, extreme values, unseen categories, and values at and just above thresholds."""
    rows = np.vstack([matrix[:60], rng.choice(EXTREMES, (60, len(features)))])
    for index, feature in enumerate(features):
        if feature.categories:
            rows[-60:, index] = rng.choice([np.nan, *range(CODES + 5)], 60)
            continue
        edges = [
            threshold
            for tree in model.trees
            for node, threshold in enumerate(tree.threshold)
            if tree.feature[node] == index and not tree.decision[node] & 1
        ]
        if edges:
            chosen = rng.random(len(rows)) < 0.3
            near = rng.choice(edges, chosen.sum())
            rows[chosen, index] = np.where(rng.random(len(near)) < 0.5, near, np.nextafter(near, np.inf))
    return np.asfortranarray(rows)


def whole_model(read, objective):
    classes = {"binary": ("0", "1"), "multiclass": ("0", "1", "2")}.get(objective, ())
    return Model(
        task=objective if classes else "regression",
        columns=tuple(Column(f.column, "text" if f.kind == "category" else "number") for f in read.features),
        features=read.features,
        estimator=read.estimator,
        link=read.link,
        classes=classes,
    )


def as_encoded(matrix, features):
    """The matrix as ``kernel.encode`` would give it: what is missing is NaN."""
    return np.asfortranarray(
        [[value_read(feature, value) for feature, value in zip(features, row, strict=True)] for row in matrix.tolist()]
    )


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_spec_gives_the_scores_of_the_library(objective, seed):
    rng = np.random.default_rng([seed, OBJECTIVES.index(objective)])
    booster, matrix, features = trained(rng, objective)
    model = read_model_text(booster.model_to_string())
    read = to_trees(model, features)
    rows = probes(rng, matrix, features, model)

    wanted = booster.predict(rows, raw_score=True)
    outputs = booster.predict(rows)

    raw = walked(read.features, read.estimator, rows)
    assert raw.tobytes() == wanted.tobytes()
    by_rule = np.array([linked(read.link, scores) for scores in raw.tolist()]).reshape(outputs.shape)
    np.testing.assert_array_max_ulp(by_rule, outputs, maxulp=1)

    scoring = scorer(whole_model(read, objective))
    raw = scoring.raw(as_encoded(rows, read.features))
    assert raw.tobytes() == wanted.tobytes()
    np.testing.assert_array_max_ulp(scoring.output(raw).reshape(outputs.shape), outputs, maxulp=1)


def test_the_random_models_reach_every_kind_of_node():
    decisions, thresholds, single = set(), set(), False
    for objective in ("regression", "multiclass"):
        for seed in range(30):
            rng = np.random.default_rng([seed, OBJECTIVES.index(objective)])
            for tree in read_model_text(trained(rng, objective)[0].model_to_string()).trees:
                decisions |= set(tree.decision)
                thresholds |= set(tree.threshold)
                single |= len(tree.leaf) == 1
    assert decisions == {1, 2, 4, 6, 8, 9, 10}
    assert {math.inf, ZERO, -ZERO} <= thresholds
    assert single


def test_a_split_by_missing_alone_sends_infinity_with_the_present_values():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(200) < 0.3, np.nan, rng.normal(size=200))
    dataset = lgb.Dataset(values[:, None], np.isnan(values).astype(float))
    booster = lgb.train({"verbosity": -1, "num_leaves": 2, "num_threads": 1}, dataset, 1, keep_training_booster=True)
    read = to_trees(read_model_text(booster.model_to_string()), (Feature("x", "number"),))
    assert read.estimator.trees[0].threshold == (math.inf,)
    rows = np.array([[np.inf], [1e308], [np.nan]])
    assert walked(read.features, read.estimator, rows)[:, 0].tolist() == booster.predict(rows).tolist()


def test_a_feature_that_was_filtered_before_training_is_not_read():
    rng = np.random.default_rng(0)
    matrix = np.column_stack([np.full(200, 3.0), rng.normal(size=200)])
    booster = lgb.train(
        {"verbosity": -1, "num_threads": 1}, lgb.Dataset(matrix, matrix[:, 1]), 3, keep_training_booster=True
    )
    text = booster.model_to_string()
    assert "feature_infos=none [" in text
    read = to_trees(read_model_text(text), (Feature("a", "number"), Feature("b", "number")))
    assert {feature for tree in read.estimator.trees for feature in tree.feature} == {1}
    assert read.gain[0] == 0


def test_gain_is_the_gain_importance_of_the_library():
    rng = np.random.default_rng(3)
    booster, _, features = trained(rng, "regression")
    read = to_trees(read_model_text(booster.model_to_string()), features)
    # The text has six digits of each gain.
    np.testing.assert_allclose(read.gain, booster.feature_importance("gain"), rtol=1e-5)
