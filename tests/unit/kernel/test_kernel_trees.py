"""The two ways to score trees against the words of ``spec.Tree``, on trees and values that no trainer makes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlml.kernel.forest import WIDEST_TREE, fits_masks, left_to_right
from sqlml.kernel.mask_tables import mask_tables
from sqlml.kernel.masks import BLOCK, masks
from sqlml.kernel.walk import walk, walk_tables
from sqlml.spec import Tree, Trees

FEATURES = 3
THRESHOLDS = [-1e308, -1.0, -0.0, 0.0, 5e-324, 1.0, math.nextafter(1.0, 2.0), 2.0, 1e308, math.inf]
VALUES = [*THRESHOLDS, -math.inf, math.nan, -5e-324, 0.5, 3.0, 4.0, 7.0, 300.0]
LEAVES = [0.0, -0.0, 0.1, 0.2, 0.3, 1e16, -1e16, 5e-324]


@st.composite
def trees_of_any_shape(draw, max_leaves=40):
    """Leaves are split until there are enough; which one decides whether the tree is deep or flat."""
    leaves = draw(st.integers(1, max_leaves))
    split_last = draw(st.booleans())
    left, right, open_places = [], [], []
    for node in range(leaves - 1):
        if node:
            place = open_places.pop(-1 if split_last else draw(st.integers(0, len(open_places) - 1)))
            place[0][place[1]] = node
        left.append(None)
        right.append(None)
        open_places += [(left, node), (right, node)]
    for number, (side, node) in enumerate(draw(st.permutations(open_places))):
        side[node] = -number - 1
    nodes = leaves - 1
    lists = {
        "feature": st.integers(0, FEATURES - 1),
        "threshold": st.sampled_from(THRESHOLDS),
        "missing_left": st.booleans(),
        "categories": st.none() | st.lists(st.integers(0, 9), max_size=4, unique=True).map(tuple),
    }
    drawn = {name: tuple(draw(st.lists(each, min_size=nodes, max_size=nodes))) for name, each in lists.items()}
    leaf = tuple(draw(st.lists(st.sampled_from(LEAVES), min_size=leaves, max_size=leaves)))
    return Tree(left=tuple(left), right=tuple(right), leaf=leaf, **drawn)


def score_as_the_spec_says(trees, row):
    raw = [0.0] * trees.outputs
    for number, tree in enumerate(trees.trees):
        child = 0 if tree.feature else -1
        while child >= 0:
            value, codes = row[tree.feature[child]], tree.categories[child]
            if math.isnan(value):
                goes_left = tree.missing_left[child]
            else:
                goes_left = value <= tree.threshold[child] if codes is None else value in codes
            child = tree.left[child] if goes_left else tree.right[child]
        raw[number % trees.outputs] += tree.leaf[-child - 1]
    return raw


def scored(function, tables, matrix, outputs):
    raw = np.full((len(matrix), outputs), np.nan)
    function(matrix, raw, tables)
    return raw


def assert_same_bits(ours, expected):
    np.testing.assert_array_equal(ours.view(np.int64), np.asarray(expected, dtype=np.float64).view(np.int64))


def random_tree(random, leaves, thresholds, codes=0):
    """A tree of random shape; of ``codes`` above 0, every second node is categorical."""
    left, right, places = [], [], []
    for node in range(leaves - 1):
        if node:
            side, at = places.pop(random.integers(len(places)))
            side[at] = node
        left.append(0)
        right.append(0)
        places += [(left, node), (right, node)]
    for number, (side, at) in enumerate(places):
        side[at] = -number - 1
    nodes = leaves - 1
    return Tree(
        feature=tuple(random.integers(0, FEATURES, nodes).tolist()),
        threshold=tuple(random.choice(thresholds, nodes).tolist()),
        missing_left=tuple(random.random(nodes) < 0.5),
        left=tuple(left),
        right=tuple(right),
        categories=tuple(
            tuple(set(random.integers(0, codes, 1 + codes // 4).tolist())) if codes and node % 2 else None
            for node in range(nodes)
        ),
        leaf=tuple(random.normal(size=leaves).tolist()),
    )


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda outputs: st.builds(
            Trees,
            st.just(outputs),
            st.integers(1, 2).flatmap(
                lambda rounds: st.lists(trees_of_any_shape(), min_size=rounds * outputs, max_size=rounds * outputs).map(
                    tuple
                )
            ),
        )
    ),
    st.lists(st.tuples(*[st.sampled_from(VALUES)] * FEATURES), max_size=30),
)
def test_masks_and_walk_do_what_the_spec_says(trees, rows):
    matrix = np.array(rows, dtype=np.float64).reshape(-1, FEATURES)
    expected = np.array([score_as_the_spec_says(trees, row) for row in rows]).reshape(-1, trees.outputs)
    assert_same_bits(scored(walk, walk_tables(trees), matrix, trees.outputs), expected)
    assert_same_bits(scored(masks, mask_tables(trees), matrix, trees.outputs), expected)


@pytest.mark.parametrize("leaves", [2, 8, 9, 16, 17, 64, 65, 255, 256, 257, WIDEST_TREE])
@pytest.mark.parametrize("codes", [0, 40])
def test_masks_equal_walk_for_every_width(leaves, codes):
    random = np.random.default_rng(leaves)
    thresholds = np.round(random.normal(size=1000), 2)
    trees = Trees(1, tuple(random_tree(random, leaves, thresholds, codes) for _ in range(3)))
    matrix = random.choice([*thresholds, *range(50), np.nan, np.inf, -np.inf], (700, FEATURES))
    assert_same_bits(scored(masks, mask_tables(trees), matrix, 1), scored(walk, walk_tables(trees), matrix, 1))


@pytest.mark.parametrize("count", [1, 254, 255, 256, 510, 511, 3000])
def test_masks_count_thresholds_beyond_one_byte(count):
    """Stumps, one for each of ``count`` thresholds of one feature: the sum is the number of thresholds passed."""
    stumps = tuple(Tree((0,), (float(at),), (at % 2 == 0,), (-1,), (-2,), (None,), (0.0, 1.0)) for at in range(count))
    trees = Trees(1, stumps)
    values = np.array([*range(-1, count + 1), 0.5, count - 0.5, np.inf, -np.inf, np.nan])
    raw = scored(masks, mask_tables(trees), values[:, None], 1)[:, 0]
    below = np.clip(np.ceil(values), 0, count)
    below[-1] = count // 2
    np.testing.assert_array_equal(raw, below)


@pytest.mark.parametrize("rows", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_last_block_may_be_short(rows):
    random = np.random.default_rng(rows)
    trees = Trees(2, tuple(random_tree(random, 12, [0.0, 1.0]) for _ in range(4)))
    matrix = random.normal(size=(rows, FEATURES))
    expected = np.array([score_as_the_spec_says(trees, row) for row in matrix]).reshape(rows, 2)
    assert_same_bits(scored(masks, mask_tables(trees), matrix, 2), expected)
    assert_same_bits(scored(walk, walk_tables(trees), matrix, 2), expected)


def test_any_layout_of_the_matrix_and_a_read_only_one():
    random = np.random.default_rng(1)
    trees = Trees(1, (random_tree(random, 30, [0.0, 1.0, -1.0]),))
    matrix = random.normal(size=(400, FEATURES))
    fortran, strided = np.asfortranarray(matrix), np.repeat(matrix, 2, axis=0)[::2]
    frozen = matrix.copy()
    frozen.flags.writeable = False
    for function, tables in ((masks, mask_tables(trees)), (walk, walk_tables(trees))):
        expected = scored(function, tables, matrix, 1)
        for same in (fortran, strided, frozen):
            assert_same_bits(scored(function, tables, same, 1), expected)


def test_leaves_are_numbered_from_left_to_right():
    tree = Tree((0, 0, 0), (0.0,) * 3, (True,) * 3, (1, -4, -1), (2, -2, -3), (None,) * 3, (10.0, 11.0, 12.0, 13.0))
    assert left_to_right(tree) == ([0, 0, 2], [2, 1, 3], [2, 1, 3, 0])


def test_trees_too_large_for_masks_are_refused():
    wide = Trees(1, (random_tree(np.random.default_rng(0), WIDEST_TREE + 1, [0.0]),))
    many_codes = Trees(1, (Tree((0,), (0.0,), (True,), (-1,), (-2,), ((2**26,),), (1.0, 2.0)),))
    for trees in (wide, many_codes):
        assert not fits_masks(trees)
        with pytest.raises(ValueError, match="walk them"):
            mask_tables(trees)
