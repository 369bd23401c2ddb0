"""The fitted function from features to raw scores: a constant, a linear model, or a sum of trees."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlml.errors import InvalidSpec


@dataclass(frozen=True)
class Constant:
    """The same raw scores for every row, one per output."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values or not all(math.isfinite(value) for value in self.values):
            raise InvalidSpec(f"a constant model needs finite values, got {self.values}")

    @property
    def outputs(self) -> int:
        """How many raw scores a row gets."""
        return len(self.values)


@dataclass(frozen=True)
class NumericTerm:
    """``coefficients[k] * x[feature]`` is added to output ``k``; the feature is never missing."""

    feature: int
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class CategoryTerm:
    """``weights[code][k]`` is added to output ``k``, or ``missing[k]`` where the category is missing."""

    feature: int
    weights: tuple[tuple[float, ...], ...]
    missing: tuple[float, ...]


@dataclass(frozen=True)
class Linear:
    """``intercepts[k]`` plus every term, added one after the other in the order of ``terms``."""

    intercepts: tuple[float, ...]
    terms: tuple[NumericTerm | CategoryTerm, ...]

    def __post_init__(self) -> None:
        outputs = len(self.intercepts)
        for term in self.terms:
            rows = [term.coefficients] if isinstance(term, NumericTerm) else [*term.weights, term.missing]
            if any(len(row) != outputs or not all(map(math.isfinite, row)) for row in rows):
                raise InvalidSpec(f"the term of feature {term.feature} needs {outputs} finite numbers per value")

    @property
    def outputs(self) -> int:
        """How many raw scores a row gets."""
        return len(self.intercepts)


@dataclass(frozen=True)
class Tree:
    """A binary decision tree in parallel arrays, one entry per inner node; node 0 is the root.

    A child ``c >= 0`` is a node, a child ``c < 0`` the leaf ``-c - 1``. A row goes left at a numeric node
    where ``x[feature] <= threshold``; at a categorical node (``categories`` is not None) where its code is
    one of ``categories``. A missing value goes left where ``missing_left``. A tree of one leaf has no nodes.
    The threshold of a numeric node may be +infinity: every value that is not missing goes left (null in JSON).
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    categories: tuple[tuple[int, ...] | None, ...]
    leaf: tuple[float, ...]

    def __post_init__(self) -> None:
        nodes = len(self.feature)
        arrays = (self.threshold, self.missing_left, self.left, self.right, self.categories)
        if any(len(array) != nodes for array in arrays) or len(self.leaf) != nodes + 1:
            raise InvalidSpec(f"a tree of {nodes} nodes needs {nodes} entries in each array and {nodes + 1} leaves")
        children = sorted((*self.left, *self.right))
        if children != [*range(-nodes - 1, 0), *range(1, nodes)] and nodes:
            raise InvalidSpec("the children of a tree must name each leaf and each node but the root exactly once")
        if any(child <= node for node in range(nodes) for child in (self.left[node], self.right[node]) if child >= 0):
            raise InvalidSpec("a node of a tree must stand before its children")
        if not all(map(math.isfinite, self.leaf)):
            raise InvalidSpec("the leaves of a tree must be finite")
        if not all(threshold > -math.inf for threshold in self.threshold):
            raise InvalidSpec("the thresholds of a tree must be finite or +infinity")

    @property
    def depth(self) -> int:
        """The number of comparisons on the longest way to a leaf; 0 for a single leaf."""
        if not self.feature:
            return 0
        depth = [1] * len(self.feature)
        for node in range(len(self.feature)):
            for child in (self.left[node], self.right[node]):
                if child >= 0:
                    depth[child] = depth[node] + 1
        return max(depth)


@dataclass(frozen=True)
class Trees:
    """Output ``k`` is 0.0 plus the leaves of trees ``k``, ``k + outputs``, ``k + 2 * outputs``, in that order."""

    outputs: int
    trees: tuple[Tree, ...]

    def __post_init__(self) -> None:
        if self.outputs < 1 or not self.trees or len(self.trees) % self.outputs:
            raise InvalidSpec(f"{len(self.trees)} trees cannot be dealt out to {self.outputs} outputs")


Estimator = Constant | Linear | Trees
