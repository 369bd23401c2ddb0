"""The table of hyperparameters against LightGBM's own parameters, and what is refused before training."""

import re

import lightgbm as lgb
import numpy as np
import pytest

from sqlml.errors import InvalidHyperparameter
from sqlml.fit.lightgbm_hyperparams import resolved_hyperparams
from sqlml.fit.lightgbm_parameters import CHOICE_ALIASES, HYPERPARAMETERS, OBJECTIVES, PARAMETERS
from sqlml.spec import Column

COLUMNS = (Column("Age", "number"), Column("city", "text"))
LIBRARY_NAMES = lgb.basic._ConfigAliases._get_all_param_aliases()
ANOTHER_VALUE = {
    "objective": "huber",
    "boosting": "dart",
    "monotone_constraints": [1, 0],
    "monotone_constraints_method": "advanced",
    "interaction_constraints": [[0], [1]],
    "feature_contri": [0.5, 2.0],
    "data_sample_strategy": "goss",
    "max_bin_by_feature": [7, 9],
    "max_depth": 3,
    "alpha": 0.25,
    "tweedie_variance_power": 1.25,
}


def parameters_of_the_library(**params):
    """What LightGBM says that it used, by its main names, after training a tiny model."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(60, 2))
    target = (matrix[:, 0] > 0).astype(float)
    fixed = {"verbosity": -1, "num_threads": 1}
    booster = lgb.train(
        fixed | params, lgb.Dataset(matrix, target, params=fixed | params), 1, keep_training_booster=True
    )
    return dict(re.findall(r"^\[(\w+): (.*)\]$", booster.model_to_string(), flags=re.MULTILINE))


def in_words(value):
    """A value as LightGBM prints it."""
    if isinstance(value, (list, dict)):
        return ",".join(f"[{in_words(each)}]" if isinstance(each, list) else in_words(each) for each in value)
    return f"{value:g}" if isinstance(value, (int, float)) else value


def another_value(parameter):
    if parameter.name in ANOTHER_VALUE:
        return ANOTHER_VALUE[parameter.name]
    if parameter.kind == "flag":
        return not parameter.default
    return parameter.default + 2 if parameter.kind == "whole" else parameter.default / 2 + 0.125


def test_the_defaults_are_those_of_the_library():
    used = parameters_of_the_library()
    assert used.pop("num_iterations") == "1"
    for name in PARAMETERS.keys() & used.keys():
        assert used[name] == in_words(PARAMETERS[name].default), name
    assert PARAMETERS["num_iterations"].default == lgb.LGBMModel().n_estimators


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_library_takes_every_parameter_and_uses_its_value(name):
    value = another_value(PARAMETERS[name])
    used = parameters_of_the_library(**{name: value})
    assert used[name] == in_words(value)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_alias_is_one_of_the_library_and_none_is_missing(name):
    parameter = PARAMETERS[name]
    assert sorted((name, *parameter.aliases)) == sorted(LIBRARY_NAMES[name])
    given = {"whole_by_column": {}, "number_by_column": {}, "column_groups": []}.get(
        parameter.kind, "regression" if name == "objective" else parameter.default
    )
    for alias in parameter.aliases:
        resolved, _ = resolved_hyperparams({alias: given}, "regression", COLUMNS)
        assert resolved[name] == given
        assert alias in HYPERPARAMETERS
    assert parameter.meaning in HYPERPARAMETERS[name]


@pytest.mark.parametrize("name", sorted(set(LIBRARY_NAMES) - set(PARAMETERS)))
def test_every_other_parameter_of_the_library_is_refused(name):
    for alias in LIBRARY_NAMES[name]:
        with pytest.raises(InvalidHyperparameter, match=f"no hyperparameter '{alias}'"):
            resolved_hyperparams({alias: 1}, "regression", COLUMNS)


@pytest.mark.parametrize(("word", "main"), CHOICE_ALIASES.items())
def test_other_words_of_the_library_mean_the_same_choice(word, main):
    name = "boosting" if main == "gbdt" else "objective"
    task = "multiclass" if main == "multiclass" else "regression"
    assert resolved_hyperparams({name: word}, task, COLUMNS)[0][name] == main
    classes = {"num_class": 2} if task == "multiclass" else {}
    assert parameters_of_the_library(**{name: word}, **classes)[name] == main


@pytest.mark.parametrize(("task", "objectives"), OBJECTIVES.items())
def test_an_objective_must_fit_the_task(task, objectives):
    assert resolved_hyperparams({}, task, COLUMNS)[0]["objective"] == objectives[0]
    for objective in PARAMETERS["objective"].choices:
        if objective in objectives:
            assert resolved_hyperparams({"objective": objective}, task, COLUMNS)[0]["objective"] == objective
        else:
            with pytest.raises(InvalidHyperparameter, match=f"does not fit a {task} model"):
                resolved_hyperparams({"objective": objective}, task, COLUMNS)


@pytest.mark.parametrize("name", [name for name, each in PARAMETERS.items() if each.kind in ("whole", "number")])
def test_the_ends_of_a_range_are_taken_or_refused(name):
    limits = PARAMETERS[name].limits
    for end, is_open, outwards in ((limits.low, limits.open_low, -1), (limits.high, limits.open_high, 1)):
        if abs(end) == np.inf:
            continue
        if is_open:
            with pytest.raises(InvalidHyperparameter, match=f"'{name}' must be"):
                resolved_hyperparams({name: end}, "regression", COLUMNS)
        else:
            assert resolved_hyperparams({name: end}, "regression", COLUMNS)[0][name] == end
        with pytest.raises(InvalidHyperparameter, match=f"'{name}' must be"):
            resolved_hyperparams({name: end + outwards}, "regression", COLUMNS)


@pytest.mark.parametrize(
    "given",
    [
        {"num_leaves": 1.5},
        {"num_leaves": True},
        {"num_leaves": "31"},
        {"num_leaves": None},
        {"num_leaves": [31]},
        {"num_leaves": float("nan")},
        {"num_leaves": 10**400},
        {"learning_rate": float("inf")},
        {"learning_rate": 10**400},
        {"learning_rate": "0.1"},
        {"learning_rate": False},
        {"extra_trees": 1},
        {"extra_trees": "true"},
        {"boosting": "rf"},
        {"boosting": "goss"},
        {"boosting": 3},
        {"boosting": ["gbdt"]},
        {"monotone_constraints": [1, 0]},
        {"monotone_constraints": {"age": 2}},
        {"monotone_constraints": {"age": 0.5}},
        {"monotone_constraints": {"age": 1, "Age": 1}},
        {"feature_contri": {"age": -1}},
        {"feature_contri": {"age": "1"}},
        {"max_bin_by_feature": {"age": 1}},
        {"interaction_constraints": "age"},
        {"interaction_constraints": ["age"]},
        {"interaction_constraints": [[]]},
    ],
)
def test_a_value_of_a_wrong_type_or_range_is_refused(given):
    (name,) = given
    with pytest.raises(InvalidHyperparameter, match=f"'{name}' must be"):
        resolved_hyperparams(given, "regression", COLUMNS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"num_leafs": 3}, "closest: num_leaf"),
        ({"seed": 1}, "argument seed"),
        ({"n_jobs": 1}, "processors"),
        ({"early_stopping_round": 5}, "num_iterations"),
        ({"linear_tree": True}, "SQL expression"),
        ({"n_estimators": 5, "num_iterations": 5}, "given twice, once as 'num_iterations'"),
        ({"monotone_constraints": {"agee": 1}}, "'agee', not a feature column; closest: Age"),
        ({"interaction_constraints": [["age", 3]]}, "names 3, not a feature column"),
        ({"is_unbalance": True, "scale_pos_weight": 2}, "exclude each other"),
        ({"objective": "quantile", "alpha": 1}, "below 1"),
        ({"objective": "quantile", "monotone_constraints": {"age": 1}}, "monotone_constraints"),
        ({"data_sample_strategy": "goss", "bagging_freq": 1, "bagging_fraction": 0.5}, "exclude each other"),
        ({"data_sample_strategy": "goss", "top_rate": 0.6, "other_rate": 0.6}, "add up"),
    ],
)
def test_what_does_not_fit_together_is_refused(given, said):
    with pytest.raises(InvalidHyperparameter, match=said):
        resolved_hyperparams(given, "binary" if "is_unbalance" in given else "regression", COLUMNS)


def test_hyperparams_must_be_an_object():
    with pytest.raises(InvalidHyperparameter, match="an object by name"):
        resolved_hyperparams([1], "regression", COLUMNS)


def test_whole_numbers_may_be_written_with_a_fraction_of_zero_and_columns_in_any_case():
    given = {"num_leaves": 7.0, "learning_rate": 1, "mc": {"AGE": 1.0}, "interaction_constraints": [["age"], ["CITY"]]}
    resolved, _ = resolved_hyperparams(given, "regression", COLUMNS)
    assert (resolved["num_leaves"], type(resolved["num_leaves"])) == (7, int)
    assert (resolved["learning_rate"], type(resolved["learning_rate"])) == (1.0, float)
    assert resolved["monotone_constraints"] == {"Age": 1}
    assert resolved["interaction_constraints"] == [["Age"], ["city"]]


def test_the_defaults_of_two_calls_are_not_the_same_object():
    first, _ = resolved_hyperparams({}, "regression", COLUMNS)
    first["monotone_constraints"]["Age"] = 1
    assert resolved_hyperparams({}, "regression", COLUMNS)[0]["monotone_constraints"] == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"drop_rate": 0.2}, "drop_rate has no effect: boosting is 'gbdt', not dart"),
        ({"alpha": 0.5}, "alpha has no effect: objective is 'regression', not huber or quantile"),
        ({"bagging_fraction": 0.5}, "bagging_fraction without effect: bagging_freq is 0"),
    ],
)
def test_a_value_without_effect_is_noted(given, said):
    _, notes = resolved_hyperparams(given, "regression", COLUMNS)
    assert len(notes) == 1
    assert notes[0].startswith(said)


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"path_smooth": 1.0, "min_data_in_leaf": 1}, "min_data_in_leaf", 2),
        ({"min_data_in_leaf": 0, "min_sum_hessian_in_leaf": 0}, "min_data_in_leaf", 1),
        (
            {"monotone_constraints_method": "advanced", "feature_fraction_bynode": 0.5},
            "monotone_constraints_method",
            "basic",
        ),
    ],
)
def test_values_that_the_library_changes_are_changed_before(given, name, value):
    resolved, notes = resolved_hyperparams(given, "regression", COLUMNS)
    assert resolved[name] == value
    assert len(notes) == 1
    assert parameters_of_the_library(**given)[name] == str(value)
