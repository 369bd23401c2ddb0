"""A model goes to JSON and back unchanged, and nothing that is not a model gets in."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlml.errors import InvalidSpec
from sqlml.spec import (
    CategoryTerm,
    Column,
    Constant,
    Feature,
    Linear,
    Model,
    NumericTerm,
    Tree,
    Trees,
    artifact_hash,
    from_json,
    to_json,
)

COLUMNS = (Column("a", "number"), Column("kind", "text"))
FEATURES = (Feature("a", "number", impute=0.5, center=1.0, scale=2.0), Feature("kind", "category", ("x", "ü'\"")))
TREE = Tree(
    feature=(0, 1),
    threshold=(1.5, 0.0),
    missing_left=(True, False),
    left=(1, -1),
    right=(-3, -2),
    categories=(None, (0,)),
    leaf=(0.1, -0.2, 0.3),
)
LINEAR = Linear((0.25,), (NumericTerm(0, (2.0,)), CategoryTerm(1, ((1.0,), (-1.0,)), (0.0,))))


def model(estimator=None, **changes):
    given = {
        "task": "binary",
        "columns": COLUMNS,
        "features": FEATURES,
        "estimator": estimator or Trees(1, (TREE, TREE)),
        "link": "logistic",
        "classes": ("no", "yes"),
        "importance": (0.75, 0.25),
    }
    return Model(**(given | changes))


MODELS = [
    model(),
    model(LINEAR),
    model(Constant((0.17,)), link="identity"),
    model(Trees(3, (TREE,) * 6), task="multiclass", classes=("a", "b", "c"), link="softmax"),
    model(task="regression", classes=(), link="identity"),
    model(Trees(1, (Tree((), (), (), (), (), (), (1.0,)),))),
]


@pytest.mark.parametrize("one", MODELS, ids=lambda one: f"{one.task}-{type(one.estimator).__name__}")
def test_json_and_back(one):
    text = to_json(one)
    assert from_json(text) == one
    assert to_json(from_json(text)) == text
    assert artifact_hash(text) == artifact_hash(to_json(from_json(text)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_survives(value):
    stump = Tree((0,), (value,), (False,), (-1,), (-2,), (None,), (value, -value))
    back = from_json(to_json(model(Trees(1, (stump,))))).estimator.trees[0]
    assert math.copysign(1, back.leaf[0]) == math.copysign(1, value)
    assert (back.threshold[0], back.leaf) == (value, (value, -value))


def test_a_threshold_may_be_infinite():
    stump = Tree((0,), (math.inf,), (False,), (-1,), (-2,), (None,), (1.0, 2.0))
    text = to_json(model(Trees(1, (stump,))))
    json.loads(text, parse_constant=pytest.fail)
    assert from_json(text).estimator.trees[0].threshold == (math.inf,)


def test_the_same_model_has_the_same_hash():
    assert artifact_hash(to_json(model())) == artifact_hash(to_json(model()))
    assert artifact_hash(to_json(model())) != artifact_hash(to_json(model(importance=(0.5, 0.5))))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: model(task="ranking"), "task 'ranking' is unknown"),
        (lambda: model(link="probit"), "link 'probit' is unknown"),
        (lambda: model(classes=("one",)), "cannot have 1 classes"),
        (lambda: model(task="regression"), "has no classes"),
        (lambda: model(task="multiclass", classes=("a", "b", "c")), "3 outputs, not 1"),
        (lambda: model(importance=(1.0,)), "one share per column"),
        (lambda: model(columns=COLUMNS[:1], importance=(1.0,)), "which the signature lacks"),
        (lambda: model(columns=(COLUMNS[0], COLUMNS[0])), "stands twice"),
        (lambda: model(features=FEATURES[:1]), "reads feature 1, but there are 1"),
        (lambda: model(LINEAR, features=(Feature("a", "number"), FEATURES[1])), "no value for missing rows"),
        (lambda: model(LINEAR, features=(FEATURES[0], Feature("kind", "category", ("x",)))), "one weight per category"),
        (lambda: model(features=(FEATURES[0], Feature("a", "number"))), "not an unscaled category"),
        (lambda: model(features=(FEATURES[0], Feature("kind", "category"))), "does not have"),
        (lambda: Column("", "number"), "has no name"),
        (lambda: Column("a", "float"), "known are"),
        (lambda: Feature("a", "onehot"), "the kind is unknown"),
        (lambda: Feature("a", "number", scale=0.0), "the scale positive"),
        (lambda: Feature("a", "number", impute=math.nan), "must be finite"),
        (lambda: Feature("a", "category", ("x", "x")), "stands twice"),
        (lambda: Feature("a", "number", ("x",)), "only a category has categories"),
        (lambda: Constant(()), "finite values"),
        (lambda: Constant((math.inf,)), "finite values"),
        (lambda: Linear((0.0,), (NumericTerm(0, (1.0, 2.0)),)), "1 finite numbers per value"),
        (lambda: Trees(2, (TREE,)), "cannot be dealt out"),
        (lambda: Tree((0,), (1.0,), (True,), (-1,), (-2,), (None,), (1.0,)), "2 leaves"),
        (lambda: Tree((0,), (1.0,), (True,), (-1,), (-1,), (None,), (1.0, 2.0)), "exactly once"),
        (lambda: Tree((0,), (1.0,), (True,), (0,), (-1,), (None,), (1.0, 2.0)), "exactly once"),
        (lambda: Tree((0,), (math.nan,), (True,), (-1,), (-2,), (None,), (1.0, 2.0)), "finite"),
        (lambda: Tree((0,), (1.0,), (True,), (-1,), (-2,), (None,), (1.0, math.nan)), "finite"),
    ],
)
def test_what_is_no_model_is_refused(build, said):
    with pytest.raises(InvalidSpec, match=f"ML030 .*{said}"):
        build()


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.pop("link"),
        lambda body: body.update(format=2),
        lambda body: body.update(extra=1),
        lambda body: body["estimator"].update(kind="svm"),
        lambda body: body["estimator"]["trees"][0].pop("leaf"),
        lambda body: body["estimator"]["trees"][0].update(left="abc"),
        lambda body: body.update(columns=None),
        lambda body: body.update(estimator=[]),
    ],
)
def test_a_damaged_artifact_is_refused(damage):
    body = json.loads(to_json(model()))
    damage(body)
    with pytest.raises(InvalidSpec):
        from_json(json.dumps(body))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"format": 1}', "1e999"])
def test_what_is_no_artifact_is_refused(text):
    with pytest.raises(InvalidSpec):
        from_json(text)


def test_types_that_widen_without_loss():
    assert {given for given in ("boolean", "integer", "number") if Column("a", "number").accepts(given)} == {
        "boolean",
        "integer",
        "number",
    }
    assert Column("a", "timestamp").accepts("date")
    assert not Column("a", "date").accepts("timestamp")
    assert not Column("a", "text").accepts("integer")
    assert not Column("a", "boolean").accepts("integer")
