"""Raw scores as expressions that any engine can run: a nested CASE per tree, ordered additions.

Each raw score is a list of addends that are added one after the other from the left, so that the last bit is
that of the spec; nothing here uses an aggregate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from sqlglot import exp

from sqlml.compile.dialect import Dialect
from sqlml.compile.literal import double
from sqlml.spec import CategoryTerm, Constant, Estimator, Linear, NumericTerm, Tree, Trees

Addends = tuple[exp.Expr, ...]

Goes = Callable[[int, bool], exp.Expr]
"""A condition that is true for exactly the rows that go left (or else right) at a node, the missing ones included."""


def raw_addends(estimator: Estimator, values: Sequence[exp.Expr], dialect: Dialect) -> tuple[Addends, ...]:
    """For each output what is added up, in order; ``values`` holds the expression of every feature.

    A value is written out wherever it is read: give names of columns where the engine should compute it once.
    """
    return COMPILERS[type(estimator)](estimator, values, dialect)


def raw_scores(estimator: Estimator, values: Sequence[exp.Expr], dialect: Dialect) -> Addends:
    """One expression per output: its addends, added from the left.

    >>> from sqlml.compile.dialect import dialect_named
    >>> stump = Tree((0,), (2.0,), (True,), (-1,), (-2,), (None,), (0.5, 1.5))
    >>> print(raw_scores(Trees(1, (stump,)), [exp.column("x")], dialect_named("sqlite"))[0].sql("sqlite"))
    CAST('0.0' AS REAL) + CASE WHEN x > CAST('2.0' AS REAL) THEN CAST('1.5' AS REAL) ELSE CAST('0.5' AS REAL) END
    """
    return tuple(ordered_sum(addends) for addends in raw_addends(estimator, values, dialect))


def ordered_sum(addends: Sequence[exp.Expr]) -> exp.Expr:
    """``((a + b) + c) + ...``."""
    return reduce(lambda total, addend: exp.Add(this=total, expression=addend), addends)


def tree_case(tree: Tree, values: Sequence[exp.Expr], dialect: Dialect) -> exp.Expr:
    """A tree as CASE.

    At each node the child with more leaves continues the same CASE and the other one is nested, so that a tree
    of ``n`` leaves nests at most ``log2(n)`` deep, however deep it is, and a row is compared no more often than
    it passes nodes.
    """

    def goes(node: int, left: bool) -> exp.Expr:
        return _goes(tree, node, left, values[tree.feature[node]], dialect)

    return tree_branches(tree, goes, dialect)


def tree_branches(tree: Tree, goes: Goes, dialect: Dialect) -> exp.Expr:
    """A tree as CASE in the shape of :func:`tree_case`, whatever its conditions are written over."""
    return _subtree(tree, 0 if tree.feature else -1, _leaf_counts(tree), goes, dialect)


def _constant(estimator: Constant, values: Sequence[exp.Expr], dialect: Dialect) -> tuple[Addends, ...]:
    return tuple((double(value, dialect),) for value in estimator.values)


def _linear(estimator: Linear, values: Sequence[exp.Expr], dialect: Dialect) -> tuple[Addends, ...]:
    return tuple(
        (double(intercept, dialect), *(_term(term, output, values, dialect) for term in estimator.terms))
        for output, intercept in enumerate(estimator.intercepts)
    )


def _trees(estimator: Trees, values: Sequence[exp.Expr], dialect: Dialect) -> tuple[Addends, ...]:
    return tuple(
        (
            double(0.0, dialect),
            *(tree_case(tree, values, dialect) for tree in estimator.trees[output :: estimator.outputs]),
        )
        for output in range(estimator.outputs)
    )


COMPILERS: dict[type, Callable[[Any, Sequence[exp.Expr], Dialect], tuple[Addends, ...]]] = {
    Constant: _constant,
    Linear: _linear,
    Trees: _trees,
}
"""The compiler of each estimator."""


def _term(term: NumericTerm | CategoryTerm, output: int, values: Sequence[exp.Expr], dialect: Dialect) -> exp.Expr:
    value = values[term.feature].copy()
    if isinstance(term, NumericTerm):
        return exp.Mul(this=double(term.coefficients[output], dialect), expression=value)
    missing = double(term.missing[output], dialect)
    if not term.weights:
        return missing
    ifs = [
        exp.If(this=exp.Literal.number(code), true=double(weights[output], dialect))
        for code, weights in enumerate(term.weights)
    ]
    return exp.Case(this=value, ifs=ifs, default=missing)


def _leaf_counts(tree: Tree) -> list[int]:
    """The number of leaves below each node."""
    counts = [0] * len(tree.feature)
    for node in reversed(range(len(counts))):
        counts[node] = sum(1 if child < 0 else counts[child] for child in (tree.left[node], tree.right[node]))
    return counts


def _subtree(tree: Tree, child: int, counts: Sequence[int], goes: Goes, dialect: Dialect) -> exp.Expr:
    """The expression below a child: a leaf, or a CASE that follows the heavier children down to a leaf."""
    ifs = []
    while child >= 0:
        left, right = tree.left[child], tree.right[child]
        if _asks_only_for_missing(tree, child) and tree.missing_left[child] == _known_go_left(tree, child):
            child = left if tree.missing_left[child] else right
            continue
        left_is_light = (counts[left] if left >= 0 else 1) < (counts[right] if right >= 0 else 1)
        light, heavy = (left, right) if left_is_light else (right, left)
        below = _subtree(tree, light, counts, goes, dialect)
        ifs.append(exp.If(this=goes(child, left_is_light), true=below))
        child = heavy
    leaf = double(tree.leaf[-child - 1], dialect)
    return exp.Case(ifs=ifs, default=leaf) if ifs else leaf


def _goes(tree: Tree, node: int, left: bool, value: exp.Expr, dialect: Dialect) -> exp.Expr:
    """A condition that is true for exactly the rows that go left (or right) at a node, the missing ones included."""
    codes = tree.categories[node]
    missing = exp.Is(this=value.copy(), expression=exp.Null())
    if _asks_only_for_missing(tree, node):
        return missing if tree.missing_left[node] == left else exp.Not(this=missing)
    if codes is None:
        comparison: type[exp.Binary] = exp.LTE if left else exp.GT
        condition: exp.Expr = comparison(this=value.copy(), expression=double(tree.threshold[node], dialect))
    else:
        member = exp.In(this=value.copy(), expressions=[exp.Literal.number(code) for code in codes])
        condition = member if left else exp.Not(this=member)
    return exp.Or(this=condition, expression=missing) if tree.missing_left[node] == left else condition


def _asks_only_for_missing(tree: Tree, node: int) -> bool:
    """Whether all values that are not missing go one way: no category goes left, or all numbers do."""
    return tree.categories[node] == () or (tree.categories[node] is None and tree.threshold[node] == math.inf)


def _known_go_left(tree: Tree, node: int) -> bool:
    """Where the values that are not missing go, at a node that asks only for missing."""
    return tree.categories[node] is None
