"""What the trees of a model read: features as categories, or as numbers in which missing has a side of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlml.spec import Feature, Model, Tree, Trees


@dataclass(frozen=True, order=True)
class Slot:
    """A value that nodes read: a feature as a category, or as a number of which missing goes left or right."""

    is_number: bool
    feature: int
    missing_left: bool = False

    @property
    def missing(self) -> float:
        """What a slot holds where there is no value.

        A number is then NaN, which is greater than every number in DuckDB and PostgreSQL, or minus infinity, so that
        comparing it with a threshold sends it to its side.
        """
        if not self.is_number:
            return 0.0
        return -math.inf if self.missing_left else math.nan


def slots_read(model: Model, estimator: Trees) -> tuple[Slot, ...]:
    """Every slot that some node reads, those of categories first."""
    read = {
        slot_of_node(tree, node, model.features[feature])
        for tree in estimator.trees
        for node, feature in enumerate(tree.feature)
    }
    return tuple(sorted(read))


def slot_of_node(tree: Tree, node: int, feature: Feature) -> Slot:
    """The slot that a node reads; where missing is imputed it has no side of its own."""
    if tree.categories[node] is not None:
        return Slot(False, tree.feature[node])
    return Slot(True, tree.feature[node], tree.missing_left[node] and feature.impute is None)


def numbers_read(slots: Sequence[Slot]) -> list[int]:
    """The features that are read as numbers, in order."""
    return sorted({slot.feature for slot in slots if slot.is_number})


def missing_goes_left(tree: Tree, node: int, feature: Feature) -> bool:
    """Where a categorical node sends a missing value: an imputed one goes where its code goes."""
    if feature.impute is None:
        return tree.missing_left[node]
    return feature.impute in (tree.categories[node] or ())
