"""A whole fitted model, its canonical JSON, and its identity."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from sqlml.errors import InvalidSpec
from sqlml.spec.estimator import CategoryTerm, Constant, Estimator, Linear, NumericTerm, Tree, Trees
from sqlml.spec.feature import Feature
from sqlml.spec.signature import Column

FORMAT = 1
"""The version of the JSON. A reader refuses a format that it does not know."""

TASKS = ("binary", "multiclass", "regression")

LINKS = ("identity", "logistic", "softmax", "exponential")
"""From raw score to output: unchanged; 1/(1+exp(-r)); exp(r_k - max)/sum; exp(r)."""


@dataclass(frozen=True)
class Model:
    """A fitted model: what it reads, how that becomes numbers, and the function over them.

    ``classes`` are the labels in the words of the training data, in sort order; empty for a regression. The
    output of a binary model is one number, the probability of ``classes[1]``; of a multiclass model one
    probability per class. ``importance`` holds one share per column of ``columns``, adding up to 1 (or all 0).
    """

    task: str
    columns: tuple[Column, ...]
    features: tuple[Feature, ...]
    estimator: Estimator
    link: str
    classes: tuple[str, ...] = ()
    importance: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_references(self)

    def column_of(self, feature: Feature) -> Column:
        """The column that a feature reads."""
        return next(column for column in self.columns if column.name == feature.column)


def _check_shape(model: Model) -> None:
    if model.task not in TASKS:
        raise InvalidSpec(f"task {model.task!r} is unknown; known are {', '.join(TASKS)}")
    if model.link not in LINKS:
        raise InvalidSpec(f"link {model.link!r} is unknown; known are {', '.join(LINKS)}")
    wanted = {"binary": 1, "regression": 1, "multiclass": len(model.classes)}[model.task]
    if model.estimator.outputs != wanted:
        raise InvalidSpec(f"a {model.task} model has {wanted} outputs, not {model.estimator.outputs}")
    labels = len(model.classes)
    if (model.task == "binary" and labels != 2) or (model.task == "multiclass" and labels < 2):
        raise InvalidSpec(f"a {model.task} model cannot have {labels} classes")
    if model.task == "regression" and labels:
        raise InvalidSpec("a regression has no classes")
    if model.importance and len(model.importance) != len(model.columns):
        raise InvalidSpec("importance needs one share per column")


def _check_references(model: Model) -> None:
    names = [column.name for column in model.columns]
    if len(set(names)) != len(names):
        raise InvalidSpec(f"a column stands twice in the signature: {', '.join(names)}")
    for feature in model.features:
        if feature.column not in names:
            raise InvalidSpec(f"feature {feature.kind!r} reads column {feature.column!r}, which the signature lacks")
    for index in _features_read(model.estimator):
        if not 0 <= index < len(model.features):
            raise InvalidSpec(f"the estimator reads feature {index}, but there are {len(model.features)}")
    if isinstance(model.estimator, Linear):
        _check_terms(model.estimator, model.features)
    if isinstance(model.estimator, Trees):
        _check_categories(model.estimator, model.features)


def _features_read(estimator: Estimator) -> set[int]:
    if isinstance(estimator, Linear):
        return {term.feature for term in estimator.terms}
    if isinstance(estimator, Trees):
        return {feature for tree in estimator.trees for feature in tree.feature}
    return set()


def _check_terms(estimator: Linear, features: tuple[Feature, ...]) -> None:
    for term in estimator.terms:
        feature = features[term.feature]
        if isinstance(term, NumericTerm) and feature.impute is None:
            raise InvalidSpec(f"column {feature.column!r} enters a linear term and has no value for missing rows")
        if isinstance(term, CategoryTerm) and len(term.weights) != len(feature.categories):
            raise InvalidSpec(f"column {feature.column!r} needs one weight per category")
        if isinstance(term, CategoryTerm) and (feature.impute, feature.center, feature.scale) != (None, 0.0, 1.0):
            raise InvalidSpec(f"column {feature.column!r} enters as categories and cannot be imputed or scaled")


def _check_categories(estimator: Trees, features: tuple[Feature, ...]) -> None:
    for tree in estimator.trees:
        for index, codes in zip(tree.feature, tree.categories, strict=False):
            feature = features[index]
            if codes is None:
                continue
            if feature.kind != "category" or (feature.center, feature.scale) != (0.0, 1.0):
                raise InvalidSpec(f"column {feature.column!r} is split by category but is not an unscaled category")
            if not all(0 <= code < len(feature.categories) for code in codes):
                raise InvalidSpec(f"column {feature.column!r} is split by a category that it does not have")


def to_json(model: Model) -> str:
    """The canonical JSON of a model: sorted keys, no blanks, every float in its shortest exact form."""
    body = {"format": FORMAT, **asdict(model)}
    body["estimator"] = {"kind": type(model.estimator).__name__.lower(), **body["estimator"]}
    for tree in body["estimator"].get("trees", ()):
        tree["threshold"] = [None if threshold == math.inf else threshold for threshold in tree["threshold"]]
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def artifact_hash(text: str) -> str:
    """The identity of a model: SHA-256 of its canonical JSON, in hexadecimal.

    >>> artifact_hash("{}")[:8]
    '44136fa3'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def from_json(text: str) -> Model:
    """Read a model back; anything unknown, missing or out of range raises :class:`InvalidSpec`."""
    try:
        body = json.loads(text)
        if body.pop("format") != FORMAT:
            raise InvalidSpec(f"the artifact has a format other than {FORMAT}; upgrade sqlml to read it")
        body["columns"] = tuple(Column(**column) for column in body["columns"])
        body["features"] = tuple(Feature(**_tuples(feature)) for feature in body["features"])
        body["estimator"] = _estimator(body["estimator"])
        return Model(**_tuples(body))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidSpec(f"the artifact cannot be read: {error}") from error


def _estimator(body: dict[str, Any]) -> Estimator:
    kind = body.pop("kind")
    if kind == "constant":
        return Constant(**_tuples(body))
    if kind == "trees":
        for tree in body["trees"]:
            tree["threshold"] = [math.inf if threshold is None else threshold for threshold in tree["threshold"]]
        return Trees(outputs=body["outputs"], trees=tuple(Tree(**_tuples(tree)) for tree in body["trees"]))
    if kind == "linear":
        terms = tuple(
            CategoryTerm(**_tuples(term)) if "weights" in term else NumericTerm(**_tuples(term))
            for term in body["terms"]
        )
        return Linear(intercepts=tuple(body["intercepts"]), terms=terms)
    raise InvalidSpec(f"the artifact holds an unknown estimator {kind!r}")


def _tuples(value: Any) -> Any:
    """JSON arrays as tuples, all the way down."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
