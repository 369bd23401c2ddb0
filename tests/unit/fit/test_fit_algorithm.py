"""The table of algorithms, and what is refused before any of them runs."""

import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import InvalidArgument, InvalidHyperparameter
from sqlml.fit.algorithm import ALGORITHMS, algorithm_named, fit_model
from sqlml.fit.metric import metric_value, primary_metric
from sqlml.fit.outputs import model_outputs
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.fit.split import split_rows
from sqlml.spec import TASKS, from_json, to_json

RANDOM = np.random.default_rng(23)
N = 600
X, Z = RANDOM.normal(size=(2, N))
TARGETS = {
    "binary": (X + 0.5 * RANDOM.normal(size=N)) > 0,
    "multiclass": np.select([X < -0.5, X < 0.5], ["a", "b"], "c"),
    "regression": 3 * X + RANDOM.normal(size=N),
}


FEW = {"baseline": {}, "linear": {}, "lightgbm": {"num_iterations": 10, "learning_rate": 0.3}}


def rows_of(task):
    table = pa.table({"x": X, "z": Z, "word": [f"w{i % 3}" for i in range(N)], "y": TARGETS[task]})
    return read_rows(table, Roles("y"), task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_fits_every_task_and_beats_the_baseline(name, task):
    train, test = split_rows(rows_of(task), "auto", 0.25, 42)
    steps = []
    found = fit_model(name, train, FEW[name], {}, 42, lambda done, total: steps.append((done, total)))
    again = fit_model(name, train, FEW[name], {}, 42)
    assert to_json(found.model) == to_json(again.model)
    assert from_json(to_json(found.model)) == found.model
    assert steps[-1][0] == steps[-1][1]
    metric = primary_metric(task)
    values = [
        metric_value(metric, test.target, model_outputs(model, test))
        for model in (found.model, fit_model("baseline", train, {}, {}, 42).model)
    ]
    better = values[0] - values[1] if metric == "roc_auc" else values[1] - values[0]
    assert better > 0.1 or name == "baseline"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_documents_itself(name):
    algorithm = algorithm_named(name)
    assert algorithm.name == name
    assert set(algorithm.tasks) <= set(TASKS)
    lines = [algorithm.description, *algorithm.hyperparameters.values()]
    assert all(line and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("algorithm", "hyperparams", "seed", "error", "pieces"),
    [
        ("lightgmb", {}, 1, InvalidArgument, ["'lightgmb' is unknown", "closest: lightgbm", "baseline, linear"]),
        ("linear", {"Cc": 1}, 1, InvalidHyperparameter, ["'linear' has no hyperparameter 'Cc'", "closest: C"]),
        ("lightgbm", {"num_leafs": 3}, 1, InvalidHyperparameter, ["no hyperparameter 'num_leafs'", "num_leaves"]),
        ("baseline", [], 1, InvalidHyperparameter, ["hyperparams must be an object by name"]),
        ("baseline", {}, -1, InvalidArgument, ["seed must be a whole number from 0 to 2147483647, got -1"]),
        ("baseline", {}, 2**31, InvalidArgument, ["seed must be"]),
        ("baseline", {}, True, InvalidArgument, ["seed must be"]),
        ("baseline", {}, 1.0, InvalidArgument, ["seed must be"]),
    ],
)
def test_calls_that_are_refused(algorithm, hyperparams, seed, error, pieces):
    with pytest.raises(error, match=".*".join(map(re.escape, pieces))):
        fit_model(algorithm, rows_of("binary"), hyperparams, {}, seed)


def test_a_task_that_an_algorithm_does_not_have(monkeypatch):
    monkeypatch.setitem(ALGORITHMS, "linear", type(ALGORITHMS["linear"])("linear", ("binary",), "", {}, None))
    with pytest.raises(InvalidArgument, match="'linear' has no task 'regression'; these have it: baseline, lightgbm"):
        fit_model("linear", rows_of("regression"), {}, {}, 1)


def test_importing_the_algorithms_loads_no_library_of_models():
    code = "import sys, sqlml.fit.algorithm; print([m for m in ('sklearn', 'lightgbm', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
