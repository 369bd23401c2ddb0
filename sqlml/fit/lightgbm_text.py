"""LightGBM's model text, read strictly, and what it says in terms of a spec.

The text is written by ``Booster.model_to_string()``. Every line must be one that is known here, every array must
have its length and every number its range; all else is refused. Beyond the text, two things are known of LightGBM
and hold for its predictions on dense rows: a number within ``ZERO`` of zero is read as 0.0, and at a categorical
node a missing or unknown category goes right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlml.errors import InvalidSpec
from sqlml.spec import Feature, Tree, Trees

ZERO = 1.0000000180025095e-35
"""The float32 next to 1e-35: what LightGBM takes for zero, both signs, bounds included."""

LINK_OF_OBJECTIVE = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exponential",
    "gamma": "exponential",
    "tweedie": "exponential",
    "binary": "logistic",
    "multiclass": "softmax",
}
"""The objectives that can be read, by LightGBM's names, and how a raw score becomes an output."""

_MAX_LEAVES = 131_072
_MAX_GAIN = 3.4028234663852886e38
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NONE, _ZERO, _NAN = 0, 1, 2
_DECISIONS = {1, 9, *(_DEFAULT_LEFT * left + 4 * missing for left in (0, 1) for missing in (_NONE, _ZERO, _NAN))}

_HEADER = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_TREE = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "is_linear",
    "shrinkage",
)
_SETS = ("cat_boundaries", "cat_threshold")

_INTEGERS = re.compile(r"-?[0-9]{1,10}(?: -?[0-9]{1,10})*")
_REAL = r"-?(?:[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,4})?|inf|nan)"
_REALS = re.compile(rf"{_REAL}(?: {_REAL})*")
_INFO = re.compile(rf"none|\[{_REAL}:{_REAL}\]|-?[0-9]{{1,10}}(?::-?[0-9]{{1,10}})*")
_TAIL = re.compile(
    r"\nfeature_importances:\n(?:[^=\n]+=[0-9]+\n)*"
    r"(?:\nparameters:\n(?:\[[a-z0-9_]+: [^\n]*\]\n)*\nend of parameters\n)?"
    r"(?:\npandas_categorical:null\n)?"
)


@dataclass(frozen=True)
class LightGBMTree:
    """One tree as the text has it: an entry per inner node in each array, and the values of the leaves.

    ``threshold`` of a categorical node is a position in ``category_sets``. ``decision`` are LightGBM's bits:
    1 categorical, 2 missing goes left, and from 4 on the missing mode (0 none, 1 zero, 2 NaN).
    """

    feature: tuple[int, ...]
    gain: tuple[float, ...]
    threshold: tuple[float, ...]
    decision: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf: tuple[float, ...]
    category_sets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class LightGBMModel:
    """A model as the text has it; tree ``i`` adds to output ``i % outputs``."""

    objective: str
    outputs: int
    features: int
    trees: tuple[LightGBMTree, ...]


@dataclass(frozen=True)
class ReadTrees:
    """The spec of a model text. ``features`` say where zero is missing; ``gain`` is the split gain per feature."""

    estimator: Trees
    link: str
    features: tuple[Feature, ...]
    gain: tuple[float, ...]


def read_model_text(text: str) -> LightGBMModel:
    """Read what ``Booster.model_to_string()`` wrote, in time and memory proportional to its length.

    Raises
    ------
    InvalidSpec
        The text is damaged or not of version v4, or the model is one that a spec cannot express: linear trees,
        averaged trees (random forest), one-vs-all, a sigmoid other than 1, a ranking or custom objective.
    """
    head, _, body = text.partition("\n\n")
    first, _, rest = head.partition("\n")
    if first != "tree":
        raise _refusal(f"it starts with {_shown(first)}, not with 'tree'")
    if "\naverage_output" in head:
        raise _refusal("its trees are averaged (boosting 'rf'); use boosting 'gbdt' or 'dart'")
    header = _fields(rest, _HEADER, ("monotone_constraints",), "the header")
    if header["version"] != "v4":
        raise _refusal(f"it has version {_shown(header['version'])}; only v4 can be read, install lightgbm 4")
    outputs = _one_integer(header["num_tree_per_iteration"], 1, 1_000_000, "num_tree_per_iteration")
    features = _one_integer(header["max_feature_idx"], 0, 10_000_000, "max_feature_idx") + 1
    objective = _objective(header, outputs)
    _check_columns(header, features)
    trees = _trees(header["tree_sizes"], body, features)
    if len(trees) % outputs:
        raise _refusal(f"{len(trees)} trees cannot be dealt out to {outputs} outputs")
    return LightGBMModel(objective, outputs, features, trees)


def to_trees(model: LightGBMModel, features: Sequence[Feature]) -> ReadTrees:
    """The trees of a spec that give the raw scores of ``Booster.predict(raw_score=True)``, bit for bit.

    ``features`` are those of the columns of the training matrix, in order. Missing mode NaN: as the node says.
    None: NaN counts as 0.0. Zero: numbers within ``ZERO`` of zero are missing too, told by the feature.

    Raises
    ------
    InvalidSpec
        The features do not fit the text, or one feature has nodes of mode Zero and nodes of another mode.
    """
    if len(features) != model.features:
        raise _refusal(f"it has {model.features} features, not {len(features)}")
    zero = _zero_features(model)
    for index in zero:
        if (features[index].impute, features[index].center, features[index].scale) != (None, 0.0, 1.0):
            column = features[index].column
            raise _refusal(f"zero_as_missing cannot be kept for column {column!r}, which is imputed or scaled")
    estimator = Trees(model.outputs, tuple(_tree(tree) for tree in model.trees))
    marked = tuple(replace(f, zero_is_missing=True) if i in zero else f for i, f in enumerate(features))
    return ReadTrees(estimator, LINK_OF_OBJECTIVE[model.objective], marked, _gain(model))


def _refusal(what: str) -> InvalidSpec:
    return InvalidSpec(f"the LightGBM model text cannot be read: {what}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _fields(text: str, required: Sequence[str], optional: Sequence[str], where: str) -> dict[str, str]:
    """Lines ``key=value`` by key: each required one, optional ones, none twice and no other."""
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if not equals or key in fields or (key not in required and key not in optional):
            raise _refusal(f"{where} has an unknown or repeated line {_shown(line)}")
        fields[key] = value
    for key in required:
        if key not in fields:
            raise _refusal(f"{where} lacks the line {key}=")
    return fields


def _objective(header: dict[str, str], outputs: int) -> str:
    name, _, details = header["objective"].partition(" ")
    if name not in LINK_OF_OBJECTIVE:
        raise _refusal(f"its objective {_shown(name)} is not one of {', '.join(LINK_OF_OBJECTIVE)}")
    wanted = {"binary": "sigmoid:1", "multiclass": f"num_class:{outputs}"}.get(name, "")
    if details != wanted:
        raise _refusal(f"objective {name} has {_shown(details)} where only {wanted!r} can be expressed")
    if header["num_class"] != str(outputs) or (outputs > 1) != (name == "multiclass"):
        raise _refusal(f"objective {name} with {outputs} trees per iteration and {_shown(header['num_class'])} classes")
    return name


def _check_columns(header: dict[str, str], features: int) -> None:
    """Names, value ranges and constraints stand once per feature; none of them bears on a prediction."""
    _one_integer(header["label_index"], 0, 10_000_000, "label_index")
    names = header["feature_names"].split(" ")
    if len(names) != features or len(set(names)) != features or "" in names:
        raise _refusal(f"feature_names are not {features} different names")
    infos = header["feature_infos"].split(" ")
    if len(infos) != features or not all(map(_INFO.fullmatch, infos)):
        raise _refusal(f"feature_infos are not {features} ranges or lists of categories")
    if "monotone_constraints" in header:
        _integers(header["monotone_constraints"], features, -1, 1, "monotone_constraints")


def _trees(sizes: str, body: str, features: int) -> tuple[LightGBMTree, ...]:
    """Cut the trees out by their sizes, which must end exactly at the end of trees."""
    trees: list[LightGBMTree] = []
    start = 0
    for index, size in enumerate(_integers(sizes, None, 1, len(body), "tree_sizes")):
        block = body[start : start + size]
        title, close = f"Tree={index}\n", "\n\n\n"
        if not block.startswith(title) or not block.endswith(close) or len(block) < len(title) + len(close):
            raise _refusal(f"tree {index} does not stand where tree_sizes says")
        trees.append(_read_tree(block[len(title) : -len(close)], f"tree {index}", features))
        start += size
    mark = "end of trees\n"
    if not body.startswith(mark, start) or not _TAIL.fullmatch(body, start + len(mark)):
        raise _refusal("what follows the trees is damaged")
    if "\n[linear_tree: 1]\n" in body[start:]:
        raise _refusal("it was trained with linear_tree, whose leaves are not numbers")
    return tuple(trees)


def _read_tree(text: str, where: str, features: int) -> LightGBMTree:
    if "\nis_linear=1" in text:
        raise _refusal(f"{where} is linear (linear_tree); its leaves are not numbers")
    fields = _fields(text, _TREE, _SETS, where)
    _integers(fields["is_linear"], 1, 0, 0, f"is_linear of {where}")
    leaves = _one_integer(fields["num_leaves"], 1, _MAX_LEAVES, f"num_leaves of {where}")
    nodes = leaves - 1
    _check_unused(fields, leaves, where)
    tree = LightGBMTree(
        feature=_integers(fields["split_feature"], nodes, 0, features - 1, f"split_feature of {where}"),
        gain=_reals(fields["split_gain"], nodes, f"split_gain of {where}"),
        threshold=_reals(fields["threshold"], nodes, f"threshold of {where}"),
        decision=_integers(fields["decision_type"], nodes, 0, 15, f"decision_type of {where}"),
        left=_integers(fields["left_child"], nodes, -leaves, nodes - 1, f"left_child of {where}"),
        right=_integers(fields["right_child"], nodes, -leaves, nodes - 1, f"right_child of {where}"),
        leaf=_reals(fields["leaf_value"], leaves, f"leaf_value of {where}"),
        category_sets=_category_sets(fields, where),
    )
    _check_values(tree, where)
    return tree


def _check_unused(fields: dict[str, str], leaves: int, where: str) -> None:
    """Statistics of training, which no prediction reads, are numbers and as many as there should be."""
    _reals(fields["shrinkage"], 1, f"shrinkage of {where}")
    for key in ("internal_value", "internal_weight", "internal_count"):
        _reals(fields[key], leaves - 1, f"{key} of {where}")
    for key in ("leaf_weight", "leaf_count"):
        # A tree that is a constant has no weights, and in some versions no count.
        _reals(fields[key], 0 if leaves == 1 and not fields[key] else leaves, f"{key} of {where}")


def _category_sets(fields: dict[str, str], where: str) -> tuple[tuple[int, ...], ...]:
    """The codes of each set: bit ``b`` of word ``w`` of a set stands for code ``32 * w + b``."""
    count = _one_integer(fields["num_cat"], 0, _MAX_LEAVES, f"num_cat of {where}")
    if (count > 0) != (_SETS[0] in fields) or (count > 0) != (_SETS[1] in fields):
        raise _refusal(f"{where} has {count} categorical nodes, which does not fit its lines {' and '.join(_SETS)}")
    if not count:
        return ()
    words = _integers(fields["cat_threshold"], None, 0, 2**32 - 1, f"cat_threshold of {where}")
    bounds = _integers(fields["cat_boundaries"], count + 1, 0, len(words), f"cat_boundaries of {where}")
    if bounds[0] != 0 or bounds[-1] != len(words) or any(a >= b for a, b in pairwise(bounds)):
        raise _refusal(f"cat_boundaries of {where} do not cut its {len(words)} words into {count} sets")
    return tuple(_codes(words[a:b]) for a, b in pairwise(bounds))


def _codes(words: Sequence[int]) -> tuple[int, ...]:
    return tuple(32 * position + bit for position, word in enumerate(words) for bit in range(32) if word >> bit & 1)


def _check_values(tree: LightGBMTree, where: str) -> None:
    if not all(map(math.isfinite, tree.leaf)):
        raise _refusal(f"a leaf of {where} is not finite")
    if any(math.isnan(gain) for gain in tree.gain):
        raise _refusal(f"a split_gain of {where} is not a number")
    if not all(threshold > -math.inf for threshold in tree.threshold):
        raise _refusal(f"a threshold of {where} is neither finite nor +infinity")
    if not _DECISIONS.issuperset(tree.decision):
        raise _refusal(f"a decision_type of {where} is not one of {sorted(_DECISIONS)}")
    used = sorted(t for t, decision in zip(tree.threshold, tree.decision, strict=True) if decision & _CATEGORICAL)
    if used != [*range(len(tree.category_sets))]:
        raise _refusal(f"the categorical nodes of {where} do not name each set of categories once")


def _integers(text: str, count: int | None, low: int, high: int, where: str) -> tuple[int, ...]:
    """Whole numbers between single blanks; ``count`` None takes any number of them but none."""
    if not _words(text, count, where):
        return ()
    if not _INTEGERS.fullmatch(text):
        raise _refusal(f"{where} are not whole numbers: {_shown(text)}")
    values = tuple(map(int, text.split(" ")))
    if min(values) < low or max(values) > high:
        raise _refusal(f"{where}: a number is not in {low} to {high}")
    return values


def _one_integer(text: str, low: int, high: int, where: str) -> int:
    return _integers(text, 1, low, high, where)[0]


def _reals(text: str, count: int, where: str) -> tuple[float, ...]:
    if not _words(text, count, where):
        return ()
    if not _REALS.fullmatch(text):
        raise _refusal(f"{where} are not numbers: {_shown(text)}")
    return tuple(map(float, text.split(" ")))


def _words(text: str, count: int | None, where: str) -> int:
    """How many words stand between single blanks, which must be ``count``; an empty text has none."""
    words = text.count(" ") + 1 if text else 0
    if words != count and not (count is None and words):
        raise _refusal(f"{where}: {words} numbers where {'some' if count is None else count} belong")
    return words


def _zero_features(model: LightGBMModel) -> frozenset[int]:
    """The features whose nodes are of missing mode Zero; all nodes of such a feature must be."""
    modes: dict[int, set[bool]] = {}
    for tree in model.trees:
        for feature, decision in zip(tree.feature, tree.decision, strict=True):
            modes.setdefault(feature, set()).add(decision >> 2 == _ZERO)
    mixed = [feature for feature, seen in modes.items() if len(seen) > 1]
    if mixed:
        raise _refusal(f"zero is missing at some nodes of feature {mixed[0]} and a number at others")
    return frozenset(feature for feature, seen in modes.items() if True in seen)


def _tree(tree: LightGBMTree) -> Tree:
    categorical = [bool(decision & _CATEGORICAL) for decision in tree.decision]
    return Tree(
        feature=tree.feature,
        threshold=tuple(
            0.0 if is_set else _threshold(t) for t, is_set in zip(tree.threshold, categorical, strict=True)
        ),
        missing_left=tuple(map(_missing_left, tree.threshold, tree.decision)),
        left=tree.left,
        right=tree.right,
        categories=tuple(
            tree.category_sets[int(t)] if is_set else None
            for t, is_set in zip(tree.threshold, categorical, strict=True)
        ),
        leaf=tree.leaf,
    )


def _threshold(threshold: float) -> float:
    """The bound that treats all numbers within ``ZERO`` of zero as LightGBM treats 0.0, to which it rounds them."""
    if 0.0 <= threshold < ZERO:
        return ZERO
    if -ZERO <= threshold < 0.0:
        return math.nextafter(-ZERO, -math.inf)
    return threshold


def _missing_left(threshold: float, decision: int) -> bool:
    if decision & _CATEGORICAL:
        return False
    if decision >> 2 == _NONE:
        return threshold >= 0.0
    return bool(decision & _DEFAULT_LEFT)


def _gain(model: LightGBMModel) -> tuple[float, ...]:
    """Total split gain per feature, in units of the objective; a gain beyond float32 counts as its greatest."""
    total = [0.0] * model.features
    for tree in model.trees:
        for feature, gain in zip(tree.feature, tree.gain, strict=True):
            total[feature] += min(max(gain, 0.0), _MAX_GAIN)
    return tuple(total)
