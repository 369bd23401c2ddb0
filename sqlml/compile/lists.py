"""Trees as lists in one row of a table, walked by an expression whose size does not grow with the model; DuckDB only.

Every tree of a model lies in the same parallel lists, one entry per node, a right child behind its left sister.
A row becomes a list ``x`` of *slots* without NULL, so that a step of a walk is nothing but
``child[node] + (x[slot[node]] > threshold[node])``. A number has a slot in which missing is NaN, for the nodes where
missing goes right, since NaN is greater than every number and infinity here, and one in which it is minus infinity, for
those where it goes left. A leaf reads the last slot, which is 0, compares with plus infinity and is its own child, so
that a walk of fixed length ends in it.

A categorical node compares with plus infinity too and has one child per category, and a last one for missing; the
step is then ``child[branch[node] + code[slot[node]]] + (...)``, where ``code`` is 0 but in the slot of a category.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp

from sqlml.compile.binding import list_item, typed_list
from sqlml.compile.row import category_code, raised, row_value
from sqlml.compile.slot import Slot, missing_goes_left, numbers_read, slot_of_node, slots_read
from sqlml.spec import Feature, Model, Tree, Trees

LIST_COLUMNS = {
    "walk": "BIGINT[][][]",
    "slot": "BIGINT[]",
    "threshold": "DOUBLE[]",
    "leaf": "DOUBLE[]",
    "child": "INTEGER[]",
    "branch": "BIGINT[]",
    "slot_number": "BIGINT[]",
    "slot_missing": "DOUBLE[]",
}
"""The columns of ``sqlml.compiled_trees`` behind ``model`` and ``version``, and their types.

Positions count from 1. ``walk[output][tree]`` is the root, then one 0 for each comparison on the longest way to a
leaf. ``slot``, ``threshold`` and ``leaf`` (0 where the node is none) have one entry per node. ``child`` has one entry
per node and then those of the categorical nodes; ``branch`` says for each node where its own begin, and is empty
where no node is categorical. ``slot_number`` and ``slot_missing`` say for each slot which number it holds (0 for the
slot of a category and the last) and what it holds where that is missing.
"""


@dataclass
class _Nodes:
    """The lists of nodes while they are filled; ``categorical`` holds the children of those that have one per code.

    ``last_slot`` is the slot that leaves read.
    """

    last_slot: int
    slot: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    child: list[int] = field(default_factory=list)
    categorical: dict[int, list[int]] = field(default_factory=dict)

    def reserve(self, count: int) -> int:
        """Make room for nodes next to each other and give the position of the first; they are leaves of 0."""
        first = len(self.slot) + 1
        self.slot += [self.last_slot] * count
        self.threshold += [math.inf] * count
        self.leaf += [0.0] * count
        self.child += range(first, first + count)
        return first

    def branches(self) -> tuple[list[int], list[int]]:
        """All children, those of categorical nodes behind the others, and where those of each node begin."""
        child, branch = list(self.child), list(range(1, len(self.child) + 1))
        for position, children in self.categorical.items():
            branch[position - 1] = len(child) + 1
            child += children
        return child, branch if self.categorical else []


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
    slots = slots_read(model, model.estimator)
    nodes = _Nodes(last_slot=len(slots) + 1)
    walks = [[_add_tree(tree, model.features, slots, nodes), *[0] * tree.depth] for tree in trees]
    child, branch = nodes.branches()
    read = numbers_read(slots)
    return {
        "walk": [walks[output::outputs] for output in range(outputs)],
        "slot": nodes.slot,
        "threshold": nodes.threshold,
        "leaf": nodes.leaf,
        "child": child,
        "branch": branch,
        "slot_number": [*(read.index(slot.feature) + 1 if slot.is_number else 0 for slot in slots), 0],
        "slot_missing": [*(slot.missing for slot in slots), 0.0],
    }


def raw_lists(model: Model, name: str, version: int) -> exp.Expr:
    """The raw score of a row ``features``, DOUBLE for one output and DOUBLE[] for several, by ``sqlml.compiled_trees``.

    The trees are those of the row of model ``name`` and ``version``; where that row is missing the expression
    raises an error that says so. ``model.estimator`` must be Trees.
    """
    assert isinstance(model.estimator, Trees)  # noqa: S101
    slots = slots_read(model, model.estimator)
    numbers = [row_value(model, model.features[feature], name) for feature in numbers_read(slots)]
    codes = [category_code(model, slot.feature, name) for slot in slots if not slot.is_number]
    lists = [column for column in LIST_COLUMNS if codes or column != "branch"]
    entries = [_stored_lists(lists, name, version), _entry("number", typed_list(numbers, "DOUBLE"))]
    if codes:
        zeros = [exp.Literal.number(len(slots) + 1), exp.Literal.number(0)]
        resized = exp.Anonymous(this="LIST_RESIZE", expressions=[typed_list(codes, "BIGINT"), *zeros])
        entries.append(_entry("code", resized))
    walk = _walk(bool(codes)).copy()
    for placeholder in list(walk.find_all(exp.Placeholder)):
        placeholder.replace(exp.Anonymous(this="STRUCT_INSERT", expressions=entries))
    return list_item(walk, 1) if model.estimator.outputs == 1 else walk


def _add_tree(tree: Tree, features: Sequence[Feature], slots: tuple[Slot, ...], nodes: _Nodes) -> int:
    """Add the nodes of a tree level by level, sisters side by side, and give the position of its root."""
    positions = {slot: position for position, slot in enumerate(slots, 1)}
    root = nodes.reserve(1)
    level = [(0 if tree.feature else -1, root)]
    while level:
        below: list[tuple[int, int]] = []
        for child, position in level:
            if child < 0:
                nodes.leaf[position - 1] = tree.leaf[-child - 1]
                continue
            feature = features[tree.feature[child]]
            sisters = nodes.reserve(2)
            nodes.slot[position - 1] = positions[slot_of_node(tree, child, feature)]
            if tree.categories[child] is None:
                nodes.threshold[position - 1] = tree.threshold[child]
                nodes.child[position - 1] = sisters
            else:
                nodes.categorical[position] = [sisters + right for right in _goes_right(tree, child, feature)]
            below += [(tree.left[child], sisters), (tree.right[child], sisters + 1)]
        level = below
    return root


def _goes_right(tree: Tree, node: int, feature: Feature) -> list[bool]:
    """For each category, and last for missing, whether it goes right; an imputed value goes where its code goes."""
    left = set(tree.categories[node] or ())
    return [*(code not in left for code in range(len(feature.categories))), not missing_goes_left(tree, node, feature)]


def _entry(name: str, value: exp.Expr) -> exp.Expr:
    """A field that is added to a struct."""
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=value)


def _stored_lists(lists: Sequence[str], name: str, version: int) -> exp.Expr:
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


_WALK = (
    "LIST_TRANSFORM([?], LAMBDA p : LIST_TRANSFORM([LIST_TRANSFORM(p.slot_number, LAMBDA n, i : "
    "COALESCE(p.number[n], p.slot_missing[i]))], LAMBDA x : LIST_TRANSFORM(p.walk, LAMBDA w : "
    "LIST_SUM(LIST_TRANSFORM(w, LAMBDA z : p.leaf[LIST_REDUCE(z, LAMBDA q, s : "
    "p.child[entry] + CAST(x[p.slot[q]] > p.threshold[q] AS BIGINT))]))))[1])[1]"
)
"""The walk of every tree of every output over a struct ``?`` of the stored lists and the row's values.

``p`` is that struct, ``x`` the slots, ``w`` the walks of an output, ``z`` one walk, ``q`` the node that it has
reached. LIST_SUM adds in the order of the list from 0.0. Each is bound by a lambda because DuckDB would evaluate
an expression again wherever it is written.
"""

_ENTRIES = {False: "q", True: "p.branch[q] + p.code[p.slot[q]]"}
"""Where the next node stands in ``child``, without and with categorical nodes."""


@cache
def _walk(categorical: bool) -> exp.Expr:
    """:data:`_WALK` as a tree."""
    walk = sqlglot.parse_one(_WALK, dialect="duckdb")
    for reference in list(walk.find_all(exp.Column)):
        if reference.name == "entry":
            reference.replace(sqlglot.parse_one(_ENTRIES[categorical], dialect="duckdb"))
    return walk
