"""Searches: what is tried, on which rows, and which trial wins."""

import math
import re

import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import InvalidArgument, InvalidData, InvalidHyperparameter
from sqlml.fit.algorithm import fit_model
from sqlml.fit.metric import metric_value
from sqlml.fit.outputs import model_outputs
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles
from sqlml.fit.search import Trial, best, search
from sqlml.fit.split import split_rows

RANDOM = np.random.default_rng(29)
N = 300
X = RANDOM.normal(size=(N, 8))
TABLE = pa.table(
    {f"x{i}": X[:, i] for i in range(8)}
    | {"y": X[:, 0] + 2 * RANDOM.normal(size=N) > 0, "t": np.arange(N), "v": X[:, 0] + RANDOM.normal(size=N)}
)
ROWS = read_rows(TABLE, Roles("y", tuple(f"x{i}" for i in range(8))))
TIMED = read_rows(TABLE, Roles("y", tuple(f"x{i}" for i in range(8)), time_column="t"))


def run(rows=ROWS, method="grid", space=None, trials=20, hyperparams=None, **rest):
    space = {"C": [0.001, 1.0]} if space is None else space
    return search("linear", rows, method, space, trials, hyperparams or {}, {}, 42, **rest)


def test_each_trial_is_a_fit_measured_on_rows_that_it_has_not_seen():
    found = run(hyperparams={"tol": 1e-6})
    assert [trial.number for trial in found] == [1, 2]
    assert [trial.hyperparams for trial in found] == [{"tol": 1e-6, "C": 0.001}, {"tol": 1e-6, "C": 1.0}]
    train, validation = split_rows(ROWS, "random", 0.25, 42)
    for trial in found:
        model = fit_model("linear", train, trial.hyperparams, {}, 42).model
        assert trial.value == metric_value("roc_auc", validation.target, model_outputs(model, validation))
        assert trial.metric == "roc_auc"
        assert trial.elapsed_seconds > 0


def test_validation_rows_are_split_off_by_the_rule_that_is_asked_for():
    values = {split: run(TIMED, split=split)[0].value for split in ("auto", "time", "random")}
    assert values["auto"] == values["time"] != values["random"]
    assert run(test_size=0.5)[0].value != run()[0].value


def test_random_trials_are_seeded_and_progress_is_told():
    steps = []
    space = {"C": {"low": 1e-3, "high": 10, "log": True}, "fit_intercept": [True, False]}
    found = run(method="random", space=space, trials=4, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again = run(method="random", space=space, trials=4)
    assert [(one.hyperparams, one.value) for one in found] == [(two.hyperparams, two.value) for two in again]


def test_the_best_trial_is_chosen_by_the_direction_of_the_metric():
    trials = [Trial(number, {}, "roc_auc", value, 0.1) for number, value in enumerate([0.5, 0.7, math.nan, 0.7], 1)]
    assert best(tuple(trials)).number == 2
    errors = tuple(Trial(trial.number, {}, "rmse", trial.value, 0.1) for trial in trials)
    assert best(errors).number == 1
    with pytest.raises(InvalidArgument, match="no trial"):
        best(())


def test_regressions_are_searched_by_their_error():
    rows = read_rows(TABLE, Roles("v", ("x0", "x1")))
    found = search("linear", rows, "grid", {"alpha": [1e6, 1.0]}, 20, {}, {}, 42)
    assert found[0].metric == "rmse"
    assert best(found).hyperparams == {"alpha": 1.0}


@pytest.mark.parametrize(
    ("changes", "error", "pieces"),
    [
        ({"method": "bayes"}, InvalidArgument, ["search 'bayes' is unknown; known are: grid, random"]),
        ({"trials": 0}, InvalidArgument, ["trials must be a whole number from 1, got 0"]),
        ({"trials": 2.0}, InvalidArgument, ["trials must be"]),
        ({"space": {"Cs": [1]}}, InvalidHyperparameter, ["no hyperparameter 'Cs'", "closest: C"]),
        ({"space": {"C": [1, -1]}}, InvalidHyperparameter, ["C must be a number above 0, got -1"]),
        ({"space": {}}, InvalidArgument, ["search_space"]),
        ({"hyperparams": {"C": 1}}, InvalidArgument, ["'C' stands in hyperparams and in search_space"]),
        ({"hyperparams": {"max_itre": 1}}, InvalidHyperparameter, ["closest: max_iter"]),
        ({"test_size": 0.001}, InvalidData, ["rows on the test side"]),
    ],
)
def test_searches_that_are_refused(changes, error, pieces):
    with pytest.raises(error, match=".*".join(map(re.escape, pieces))):
        run(**changes)
