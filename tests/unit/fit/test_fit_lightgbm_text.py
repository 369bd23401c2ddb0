"""The reader of LightGBM's model text refuses what it does not know, whatever is done to the text."""

import math
import time
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlml.errors import InvalidSpec
from sqlml.fit.lightgbm_text import ZERO, read_model_text, to_trees
from sqlml.spec import Feature, Trees

FEATURES = (Feature("a", "number"), Feature("b", "category", tuple(map(str, range(40)))), Feature("c", "number"))


def model_text(**params):
    """A small model with numeric and categorical nodes, missing values and a constant feature."""
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=200), rng.integers(0, 40, 200), np.zeros(200)])
    matrix[rng.random(200) < 0.2, 0] = np.nan
    target = np.sin(matrix[:, 1]) + np.isnan(matrix[:, 0]) + np.nan_to_num(matrix[:, 0])
    if params.get("objective") in ("binary", "cross_entropy"):
        target = (target > 0.5).astype(float)
    if params.get("objective") in ("multiclass", "multiclassova", "lambdarank"):
        target = np.digitize(target, [0.2, 0.8]).astype(float)
    group = [200] if params.get("objective") == "lambdarank" else None
    fixed = {"verbosity": -1, "num_threads": 1, "num_leaves": 5, "min_data_per_group": 1, "cat_smooth": 0}
    dataset = lgb.Dataset(matrix, target, group=group, categorical_feature=[1], params=fixed | params)
    return lgb.train(fixed | params, dataset, 3, keep_training_booster=True).model_to_string()


TEXT = model_text()
BODY = TEXT[: TEXT.index("end of trees")]


def refusal_or_trees(text):
    """None where the text is refused; anything but InvalidSpec is a failure of the test."""
    try:
        return to_trees(read_model_text(text), FEATURES).estimator
    except InvalidSpec:
        return None


def changed(old, new, text=TEXT):
    """The text with its first ``old`` replaced, and the sizes of the trees set right again."""
    assert old in text
    text = text.replace(old, new, 1)
    head, mark, rest = text.partition("\n\n")
    body = rest[: rest.index("end of trees")]
    sizes = [len("Tree=" + block) for block in body.split("Tree=")[1:]]
    lines = [line for line in head.split("\n") if not line.startswith("tree_sizes=")]
    return "\n".join([*lines, "tree_sizes=" + " ".join(map(str, sizes))]) + mark + rest


def test_the_text_is_read_into_plain_data():
    model = read_model_text(TEXT)
    assert (model.objective, model.outputs, model.features, len(model.trees)) == ("regression", 1, 3, 3)
    assert all(len(tree.leaf) == len(tree.feature) + 1 == len(tree.gain) + 1 for tree in model.trees)
    assert any(tree.category_sets for tree in model.trees)
    assert changed("Tree=0", "Tree=0") == TEXT


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"linear_tree": True}, "linear"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averaged"),
        ({"objective": "multiclassova", "num_class": 3}, "multiclassova"),
        ({"objective": "binary", "sigmoid": 2.0}, "sigmoid:1"),
        ({"objective": "regression", "reg_sqrt": True}, "sqrt"),
        ({"objective": "lambdarank"}, "lambdarank"),
        ({"objective": "cross_entropy"}, "cross_entropy"),
        ({"objective": lambda score, data: (score - data.get_label(), np.ones_like(score))}, "objective"),
    ],
)
def test_a_model_that_a_spec_cannot_express_is_refused(params, said):
    with pytest.raises(InvalidSpec, match=said):
        read_model_text(model_text(**params))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version=v4", "version=v3", "only v4"),
        ("num_class=1\n", "num_class=3\n", "classes"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=2", "2 trees per iteration"),
        ("max_feature_idx=2", "max_feature_idx=3", "different names"),
        ("max_feature_idx=2", "max_feature_idx=99999999999", "whole numbers"),
        ("label_index=0", "label_index=-1", "label_index"),
        ("objective=regression", "objective=regression sqrt", "sqrt"),
        ("Column_0 Column_1", "Column_0 Column_0", "different names"),
        ("Tree=1\n", "Tree=7\n", "tree 1"),
        ("num_leaves=5", "num_leaves=6", "numbers where"),
        ("num_leaves=5", "num_leaves=0", "not in 1 to"),
        ("num_leaves=5", "num_leaves=-5", "not in 1 to"),
        ("is_linear=0", "is_linear=1", "linear"),
        ("shrinkage=1", "shrinkage=1\nextra=1", "unknown or repeated"),
        ("shrinkage=1", "shrinkage=1\nshrinkage=1", "unknown or repeated"),
        ("shrinkage=1", "leaf_features=1", "unknown or repeated"),
        ("internal_count=200 ", "internal_count=2OO ", "not numbers"),
        ("internal_count=200 ", "internal_count=", "numbers where"),
        ("pandas_categorical:null", "pandas_categorical:[[1]]", "follows the trees"),
        ("end of trees\n", "end of trees\n\n", "follows the trees"),
        ("[linear_tree: 0]", "[linear_tree: 1]", "linear_tree"),
    ],
)
def test_a_wrong_line_is_named(old, new, said):
    with pytest.raises(InvalidSpec, match=said):
        read_model_text(changed(old, new))


def with_field(key, value):
    """The text with the values of the first line of this key replaced; a callable gets the old words."""
    start = TEXT.index(f"\n{key}=") + 1
    line = TEXT[start : TEXT.index("\n", start)]
    words = line.partition("=")[2].split(" ")
    return changed(line, f"{key}=" + " ".join(value(words)))


def first(word):
    return lambda words: [word, *words[1:]]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("split_feature", first("3")),
        ("split_feature", first("-1")),
        ("split_feature", lambda words: words[1:]),
        ("split_gain", first("nan")),
        ("threshold", first("nan")),
        ("threshold", first("-inf")),
        ("threshold", first("1_0")),
        ("threshold", first("0x1p3")),
        ("threshold", first("١")),
        ("decision_type", first("12")),
        ("decision_type", first("3")),
        ("decision_type", first("16")),
        ("left_child", first("0")),
        ("left_child", first("99")),
        ("left_child", first("-6")),
        ("right_child", first("-1")),
        ("leaf_value", first("nan")),
        ("leaf_value", first("inf")),
        ("leaf_value", first("1e999")),
        ("leaf_value", lambda words: [*words, "0"]),
        ("num_cat", lambda words: ["99"]),
        ("num_cat", lambda words: ["0"]),
        ("cat_boundaries", lambda words: [*words[:-1], "99"]),
        ("cat_boundaries", first("1")),
        ("cat_boundaries", lambda words: words[:1] * len(words)),
        ("cat_threshold", first("4294967296")),
        ("cat_threshold", first("-1")),
        ("cat_threshold", first("1.5")),
    ],
)
def test_a_wrong_number_is_refused(key, change):
    assert refusal_or_trees(with_field(key, change)) is None


def test_a_cycle_of_children_is_refused():
    with pytest.raises(InvalidSpec, match="children"):
        to_trees(read_model_text(with_field("left_child", first("2"))), FEATURES)


def test_codes_beyond_the_categories_are_refused_by_the_model():
    from sqlml.spec import Column, Model

    read = to_trees(read_model_text(TEXT), (FEATURES[0], replace(FEATURES[1], categories=("0",)), FEATURES[2]))
    columns = (Column("a", "number"), Column("b", "text"), Column("c", "number"))
    with pytest.raises(InvalidSpec, match="category that it does not have"):
        Model("regression", columns, read.features, read.estimator, read.link)


def test_every_line_of_the_trees_is_needed_once():
    lines = BODY.split("\n")
    for index in range(len(lines) - 1):
        rest = TEXT[len(BODY) :]
        assert refusal_or_trees("\n".join(lines[:index] + lines[index + 1 :]) + rest) is None, lines[index]
        assert refusal_or_trees("\n".join(lines[: index + 1] + lines[index:]) + rest) is None, lines[index]


def test_a_cut_text_is_refused():
    assert not any(refusal_or_trees(TEXT[:length]) for length in range(len(BODY) + len("end of trees\n")))


@pytest.mark.parametrize("sizes", ["", "0", "-1", "1 2 3", "99999999"])
def test_sizes_that_do_not_cut_at_the_trees_are_refused(sizes):
    start = TEXT.index("tree_sizes=")
    assert refusal_or_trees(TEXT[:start] + "tree_sizes=" + sizes + TEXT[TEXT.index("\n", start) :]) is None


def test_carriage_returns_are_refused():
    assert refusal_or_trees(TEXT.replace("\n", "\r\n")) is None


HOSTILE = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-inf", "-1", "1e400", "9" * 30, "9" * 5000, "--1", "1e", "0x10", "\0", "²", "1_0"]
    ),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=5),
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_damage_gives_a_refusal_or_a_model(data):
    text = TEXT
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["flip", "cut", "double", "word", "line"]))
        start = data.draw(st.integers(0, max(len(text) - 1, 0)))
        if kind == "flip":
            text = text[:start] + data.draw(st.characters()) + text[start + 1 :]
        elif kind == "cut":
            text = text[:start] + text[data.draw(st.integers(start, len(text))) :]
        elif kind == "double":
            text = text[:start] + text[max(start - data.draw(st.integers(0, 500)), 0) :]
        else:
            pieces = text.split(" " if kind == "word" else "\n")
            pieces[start % len(pieces)] = data.draw(HOSTILE)
            text = (" " if kind == "word" else "\n").join(pieces)
    trees = refusal_or_trees(text)
    assert trees is None or isinstance(trees, Trees)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_wrong_word_in_a_tree_of_the_right_size_gives_a_refusal_or_a_model(data):
    words = BODY[BODY.index("Tree=0") : BODY.index("Tree=1")].split(" ")
    word = data.draw(st.sampled_from([word for word in words if "\n" not in word]))
    trees = refusal_or_trees(changed(f" {word} ", f" {data.draw(HOSTILE)} "))
    assert trees is None or isinstance(trees, Trees)


@pytest.mark.parametrize(
    "text",
    [
        "tree\n" + "a=b\n" * 500_000,
        "tree\n" + "version=v4\n" * 500_000,
        with_field("threshold", lambda words: ["1"] * 1_000_000),
        TEXT.replace("\n\nTree=0", " 1" * 300_000 + " x\n\nTree=0"),
        with_field("cat_threshold", lambda words: ["4294967295"] * 50_000),
        TEXT.replace("feature_importances:\n", "feature_importances:\n" + "a=1\n" * 500_000 + "b\n"),
    ],
)
def test_a_long_hostile_text_is_refused_in_time_that_grows_with_its_length(text):
    start = time.perf_counter()
    assert refusal_or_trees(text) is None
    assert time.perf_counter() - start < 3


def test_one_feature_must_have_one_idea_of_zero():
    model = read_model_text(TEXT)
    tree = next(tree for tree in model.trees if tree.feature.count(0) > 1)
    at = tree.feature.index(0)
    mixed = replace(tree, decision=tuple(4 if node == at else bits for node, bits in enumerate(tree.decision)))
    with pytest.raises(InvalidSpec, match="zero is missing at some nodes"):
        to_trees(replace(model, trees=(mixed,)), FEATURES)


@pytest.mark.parametrize("change", [{"impute": 1.0}, {"center": 1.0}, {"scale": 2.0}])
def test_zero_as_missing_does_not_fit_an_imputed_or_scaled_feature(change):
    model = read_model_text(model_text(zero_as_missing=True))
    assert to_trees(model, FEATURES).features[0].zero_is_missing
    with pytest.raises(InvalidSpec, match="zero_as_missing"):
        to_trees(model, (replace(FEATURES[0], **change), *FEATURES[1:]))


def test_the_number_of_features_must_fit():
    with pytest.raises(InvalidSpec, match="3 features, not 2"):
        to_trees(read_model_text(TEXT), FEATURES[:2])


@pytest.mark.parametrize(
    ("threshold", "left", "right"),
    [
        (0.0, [-ZERO, -1e-36, 0.0, 1e-36, ZERO], [math.nextafter(ZERO, 1), 1e-30]),
        (1e-36, [-ZERO, 0.0, ZERO], [math.nextafter(ZERO, 1)]),
        (-1e-36, [math.nextafter(-ZERO, -1), -1e-30], [-ZERO, -1e-36, 0.0, ZERO]),
        (-ZERO, [math.nextafter(-ZERO, -1)], [-ZERO, 0.0]),
    ],
)
def test_a_threshold_next_to_zero_treats_small_numbers_as_the_library_does(threshold, left, right):
    values = np.arange(100.0)
    dataset = lgb.Dataset(values[:, None], (values > 50).astype(float))
    stump = lgb.train(
        {"verbosity": -1, "num_leaves": 2, "num_threads": 1}, dataset, 1, keep_training_booster=True
    ).model_to_string()
    line = next(line for line in stump.split("\n") if line.startswith("threshold="))
    text = changed(line, f"threshold={threshold!r}", stump)
    spec = to_trees(read_model_text(text), (Feature("x", "number"),)).estimator.trees[0].threshold[0]
    assert all(value <= spec for value in left)
    assert all(value > spec for value in right)
    leaves = lgb.Booster(model_str=text).predict(np.array([*left, *right])[:, None], pred_leaf=True)[:, 0]
    assert leaves.tolist() == [0] * len(left) + [1] * len(right)
