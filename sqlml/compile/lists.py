"""Trees as lists in one row of a table, walked by an expression whose size does not grow with the model; DuckDB only.

Every tree of a model lies in the same parallel lists, one entry per node, a right child behind its left sister.
A row becomes a list ``x`` of *slots* without NULL, so that one step of a walk is nothing but
``child[node] + (x[slot[node]] > threshold[node])``:

- a number has a slot in which missing is plus infinity, for the nodes where missing goes right, and one in which
  it is minus infinity, for those where it goes left;
- each set of categories that a node asks for has a slot that is 1 where the row's category goes right, else 0. All
  of these for one category are a stored list, so that a row looks up one list per column and not one bit per node.

A leaf compares with plus infinity and is its own child, so that a walk of fixed length ends in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp

from sqlml.compile.dialect import DIALECTS
from sqlml.compile.row import enum_code, raised, row_value
from sqlml.spec import Feature, Model, Tree, Trees

LIST_COLUMNS = {
    "walk": "BIGINT[][][]",
    "slot": "BIGINT[]",
    "threshold": "DOUBLE[]",
    "child": "BIGINT[]",
    "leaf": "DOUBLE[]",
    "slot_number": "BIGINT[]",
    "slot_missing": "DOUBLE[]",
    "side": "BOOLEAN[][]",
}
"""The columns of ``sqlml.compiled_trees`` behind ``model`` and ``version``, and their types.

Positions count from 1. ``walk[output][tree]`` is the root, then one 0 for each comparison on the longest way to a
leaf. ``slot``, ``threshold``, ``child`` (the left one) and ``leaf`` (0 where the node is none) have one entry per
node. ``slot_number`` and ``slot_missing`` have one entry for each slot of a number: which number, and what it is where
missing. ``side`` has one list for each category of each column, and one for missing, that says which sets of the
column send it right; it is empty where no node is categorical.
"""

SetKey = tuple[tuple[int, ...], bool]
"""What a categorical node asks: the codes that go left, and whether missing goes left."""


@dataclass(frozen=True)
class Slots:
    """The entries of ``x``.

    ``numbers`` holds (feature, missing goes left) in order. ``sets`` holds, for each feature that is asked for
    categories, its sets in order; they come behind the numbers, feature by feature.
    """

    numbers: tuple[tuple[int, bool], ...]
    sets: dict[int, tuple[SetKey, ...]]

    def positions(self) -> dict[tuple[int, bool | SetKey], int]:
        """Where each entry stands in ``x``, from 1."""
        keys: list[tuple[int, bool | SetKey]] = list(self.numbers)
        keys += [(feature, key) for feature, keys_of in self.sets.items() for key in keys_of]
        return {key: position for position, key in enumerate(keys, 1)}


@dataclass
class _Nodes:
    """The lists of nodes while they are filled."""

    slot: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    child: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)

    def reserve(self, count: int) -> int:
        """Make room for nodes next to each other and give the position of the first; they are leaves of 0."""
        first = len(self.slot) + 1
        self.slot += [1] * count
        self.threshold += [math.inf] * count
        self.child += range(first, first + count)
        self.leaf += [0.0] * count
        return first


def tree_lists(model: Model) -> dict[str, list[Any]] | None:
    """The values of :data:`LIST_COLUMNS` for a model of trees; None for any other, which needs no row.

    >>> from sqlml.spec import Column
    >>> stump = Tree((0,), (2.5,), (True,), (-1,), (-2,), (None,), (0.25, 0.75))
    >>> columns, features = (Column("a", "number"),), (Feature("a", "number"),)
    >>> tree_lists(Model("regression", columns, features, Trees(1, (stump,)), "identity"))["walk"]
    [[[1, 0]]]
    """
    if not isinstance(model.estimator, Trees):
        return None
    trees, outputs = model.estimator.trees, model.estimator.outputs
    slots = _slots(model, model.estimator)
    positions = slots.positions()
    nodes = _Nodes()
    walks = [[_add_tree(tree, model.features, positions, nodes), *[0] * tree.depth] for tree in trees]
    read = _numbers_read(slots)
    return {
        "walk": [walks[output::outputs] for output in range(outputs)],
        "slot": nodes.slot,
        "threshold": nodes.threshold,
        "child": nodes.child,
        "leaf": nodes.leaf,
        "slot_number": [read.index(feature) + 1 for feature, _ in slots.numbers],
        "slot_missing": [-math.inf if left else math.inf for _, left in slots.numbers],
        "side": [sides for feature in slots.sets for sides in _sides(model.features[feature], slots.sets[feature])],
    }


def raw_list(model: Model, name: str, version: int) -> exp.Expression:
    """The raw scores of a row ``features`` as DOUBLE[], one per output, read from ``sqlml.compiled_trees``.

    The trees are those of the row of model ``name`` and ``version``; where that row is missing the expression
    raises an error that says so. ``model.estimator`` must be Trees.
    """
    assert isinstance(model.estimator, Trees)  # noqa: S101
    slots = _slots(model, model.estimator)
    numbers = [row_value(model, model.features[feature], name) for feature in _numbers_read(slots)]
    lists = [column for column in LIST_COLUMNS if slots.sets or column != "side"]
    entries = [_stored_lists(lists, name, version), _entry("number", numbers, "DOUBLE[]")]
    if slots.sets:
        entries.append(_entry("category", _side_positions(model, slots, name), "BIGINT[]"))
    walk = _walk(bool(slots.sets)).copy()
    for placeholder in list(walk.find_all(exp.Placeholder)):
        placeholder.replace(exp.Anonymous(this="STRUCT_INSERT", expressions=entries))
    return walk


def _slots(model: Model, estimator: Trees) -> Slots:
    """Every slot that some node reads."""
    numbers: set[tuple[int, bool]] = set()
    sets: dict[int, set[SetKey]] = {}
    for tree in estimator.trees:
        for node, feature in enumerate(tree.feature):
            key = _slot_key(tree, node, model.features[feature])
            if isinstance(key, bool):
                numbers.add((feature, key))
            else:
                sets.setdefault(feature, set()).add(key)
    return Slots(tuple(sorted(numbers)), {feature: tuple(sorted(sets[feature])) for feature in sorted(sets)})


def _slot_key(tree: Tree, node: int, feature: Feature) -> bool | SetKey:
    """What a node asks of its feature; an imputed value goes where its number or its code goes."""
    codes = tree.categories[node]
    if codes is None:
        return tree.missing_left[node] and feature.impute is None
    missing_left = tree.missing_left[node] if feature.impute is None else feature.impute in codes
    return (tuple(sorted(codes)), missing_left)


def _numbers_read(slots: Slots) -> list[int]:
    """The features that are read as numbers, in order."""
    return sorted({feature for feature, _ in slots.numbers})


def _add_tree(
    tree: Tree, features: Sequence[Feature], positions: dict[tuple[int, bool | SetKey], int], nodes: _Nodes
) -> int:
    """Add the nodes of a tree level by level, sisters side by side, and give the position of its root."""
    root = nodes.reserve(1)
    level = [(0 if tree.feature else -1, root)]
    while level:
        below: list[tuple[int, int]] = []
        for child, position in level:
            if child < 0:
                nodes.leaf[position - 1] = tree.leaf[-child - 1]
                continue
            feature = tree.feature[child]
            sisters = nodes.reserve(2)
            nodes.slot[position - 1] = positions[feature, _slot_key(tree, child, features[feature])]
            nodes.threshold[position - 1] = tree.threshold[child] if tree.categories[child] is None else 0.5
            nodes.child[position - 1] = sisters
            below += [(tree.left[child], sisters), (tree.right[child], sisters + 1)]
        level = below
    return root


def _sides(feature: Feature, keys: Sequence[SetKey]) -> list[list[bool]]:
    """For each category, and last for missing, which of the sets send it right."""
    codes = [set(codes) for codes, _ in keys]
    known = [[code not in left for left in codes] for code in range(len(feature.categories))]
    return [*known, [not missing_left for _, missing_left in keys]]


def _side_positions(model: Model, slots: Slots, name: str) -> list[exp.Expression]:
    """For each feature that is asked for categories, where in ``side`` the list of the row's category stands."""
    positions: list[exp.Expression] = []
    start = 1
    for index in slots.sets:
        feature = model.features[index]
        code = enum_code(model, feature, name)
        missing = exp.Literal.number(len(feature.categories))
        positions.append(
            exp.Add(this=exp.Coalesce(this=code, expressions=[missing]), expression=exp.Literal.number(start))
        )
        start += len(feature.categories) + 1
    return positions


def _entry(name: str, values: Sequence[exp.Expression], type: str) -> exp.Expression:
    """A field of a struct; a list without values must be told its type."""
    entries = exp.cast(exp.Array(expressions=list(values)), exp.DataType.build(type, dialect="duckdb"))
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=entries)


def _stored_lists(lists: Sequence[str], name: str, version: int) -> exp.Expression:
    """The lists of a model's version as one struct, or an error where its row is missing."""
    entries = [exp.PropertyEQ(this=exp.Literal.string(column), expression=exp.column(column)) for column in lists]
    gone = raised(
        f"ML030 model {name!r}: version {version} has no row in sqlml.compiled_trees, which its macro reads; "
        "deploy the version again"
    )
    stored = exp.Coalesce(
        this=exp.Anonymous(this="ANY_VALUE", expressions=[exp.Struct(expressions=entries)]), expressions=[gone]
    )
    query = (
        exp.select(stored)
        .from_(exp.to_table("sqlml.compiled_trees"))
        .where(exp.column("model").eq(exp.Literal.string(name)), exp.column("version").eq(version))
    )
    return query.subquery()


_NUMBERS = "LIST_TRANSFORM(p.slot_number, LAMBDA f, i : COALESCE(p.number[f], p.slot_missing[i]))"

_SETS = "CAST(FLATTEN(LIST_TRANSFORM(p.category, LAMBDA c : p.side[c])) AS DOUBLE[])"

_WALK = (
    "LIST_TRANSFORM([?], LAMBDA p : LIST_TRANSFORM([slots], LAMBDA x : LIST_TRANSFORM(p.walk, LAMBDA w : "
    "LIST_SUM(LIST_TRANSFORM(w, LAMBDA z : p.leaf[LIST_REDUCE(z, LAMBDA q, s : "
    "p.child[q] + CAST(x[p.slot[q]] > p.threshold[q] AS BIGINT))]))))[1])[1]"
)
"""The walk of every tree of every output over a struct ``?`` of the stored lists and the row's values.

``p`` is that struct, ``x`` the slots, ``w`` the walks of an output, ``z`` one walk, ``q`` the node that it has
reached. LIST_SUM adds in the order of the list from 0.0. Each is bound by a lambda because DuckDB would evaluate
an expression again wherever it is written.
"""


@cache
def _walk(with_sets: bool) -> exp.Expression:
    """:data:`_WALK` as a tree, over slots of numbers, or of numbers and then of sets of categories."""
    walk = sqlglot.parse_one(_WALK, dialect="duckdb")
    slots = sqlglot.parse_one(_NUMBERS, dialect="duckdb")
    if with_sets:
        slots = exp.Anonymous(this="LIST_CONCAT", expressions=[slots, sqlglot.parse_one(_SETS, dialect="duckdb")])
    for reference in list(walk.find_all(exp.Column)):
        if reference.name == "slots":
            reference.replace(slots)
    return walk
