"""Boosters of LightGBM, read from their dump: its raw scores, to the bit, by both layouts."""

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from compile_oracle import install, ulps

from sqlml.compile import select_sql
from sqlml.spec import Column, Feature, Model, Tree, Trees

NUMBERS, CATEGORIES, ROWS = 4, 12, 600


def tree_of(structure):
    nodes, leaves = [], []

    def add(part):
        if "leaf_value" in part:
            leaves.append(part["leaf_value"])
            return -len(leaves)
        node = len(nodes)
        nodes.append(None)
        nodes[node] = (part, add(part["left_child"]), add(part["right_child"]))
        return node

    add(structure)
    return Tree(
        tuple(part["split_feature"] for part, _, _ in nodes),
        tuple(0.0 if codes_of(part) else part["threshold"] for part, _, _ in nodes),
        tuple(missing_left(part) for part, _, _ in nodes),
        tuple(left for _, left, _ in nodes),
        tuple(right for _, _, right in nodes),
        tuple(codes_of(part) for part, _, _ in nodes),
        tuple(leaves),
    )


def codes_of(part):
    if part["decision_type"] == "<=":
        return None
    return tuple(int(code) for code in part["threshold"].split("||"))


def missing_left(part):
    """A missing value is 0 where a node knows no missing, and no category at a categorical node."""
    if codes_of(part) is not None:
        return False
    return part["default_left"] if part["missing_type"] != "None" else part["threshold"] >= 0.0


def model_of(booster, zero_is_missing):
    dump = booster.dump_model()
    outputs = dump["num_tree_per_iteration"]
    columns = [Column(f"number {index}", "number") for index in range(NUMBERS)]
    features = [Feature(column.name, "number", zero_is_missing=zero_is_missing) for column in columns]
    columns.append(Column("kind", "text"))
    features.append(Feature("kind", "category", tuple(f"kind {code}" for code in range(CATEGORIES))))
    trees = Trees(outputs, tuple(tree_of(info["tree_structure"]) for info in dump["tree_info"]))
    task = {1: "binary", 3: "multiclass"}[outputs]
    link = {1: "logistic", 3: "softmax"}[outputs]
    return Model(task, tuple(columns), tuple(features), trees, link, tuple("abc"[: max(2, outputs)]))


def training_rows():
    random = np.random.default_rng(8)
    numbers = random.normal(size=(ROWS, NUMBERS))
    numbers[random.random(numbers.shape) < 0.1] = np.nan
    numbers[random.random(numbers.shape) < 0.1] = 0.0
    codes = random.integers(0, CATEGORIES + 1, ROWS).astype(float)
    score = np.nan_to_num(numbers) @ [1.0, -2.0, 0.5, 0.1] + np.sin(codes) * 2
    return np.column_stack([numbers, np.where(codes == CATEGORIES, np.nan, codes)]), score


def relation(matrix):
    arrays = {f"number {index}": pa.array(matrix[:, index]) for index in range(NUMBERS)}
    codes = [None if code != code else f"kind {code:.0f}" for code in matrix[:, NUMBERS]]
    return pa.table({**arrays, "kind": pa.array(codes, pa.string())})


@pytest.mark.parametrize("objective", ["binary", "multiclass"])
@pytest.mark.parametrize("missing", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_raw_scores_and_outputs_are_lightgbms(plain, objective, missing):
    matrix, score = training_rows()
    classes = 3 if objective == "multiclass" else 2
    target = np.digitize(score, [-1, 1][: classes - 1])
    parameters = {"objective": objective, "num_leaves": 15, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    parameters |= {"min_data_per_group": 5, "cat_smooth": 1.0, "deterministic": True, **missing}
    if classes == 3:
        parameters["num_class"] = 3
    booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, target, categorical_feature=[NUMBERS]), 12)
    model = model_of(booster, "zero_as_missing" in missing)
    assert any(codes and len(codes) > 1 for tree in model.estimator.trees for codes in tree.categories)
    plain.register("rows", relation(matrix))
    plain.execute("CREATE TABLE features AS FROM rows")
    raw = booster.predict(matrix, raw_score=True).reshape(ROWS, -1)
    install(plain, "m", 1, model)
    found = plain.execute("SELECT sqlml.raw_score_m(f) FROM features AS f").fetchall()
    np.testing.assert_array_equal(np.array([row[0] for row in found]).reshape(ROWS, -1), raw)
    outputs = booster.predict(matrix).reshape(ROWS, -1)
    nested = plain.execute(select_sql(model, "duckdb")).fetchall()
    for row, values in zip(nested, outputs.tolist(), strict=True):
        assert all(ulps(one, other) <= 1 for one, other in zip(row[NUMBERS + 1 :], values, strict=False))
