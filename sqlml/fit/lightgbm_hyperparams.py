"""Hyperparameters of LightGBM as a user gives them, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from sqlml.errors import InvalidHyperparameter
from sqlml.fit.lightgbm_parameters import CHOICE_ALIASES, MAIN_NAMES, OBJECTIVES, PARAMETERS, Parameter
from sqlml.fit.names import found_column, unknown_name
from sqlml.spec import Column

_LEFT_OUT = {
    "it is the argument seed of the call": (
        "seed",
        "random_state",
        "random_seed",
        "bagging_seed",
        "feature_fraction_seed",
        "drop_seed",
        "data_random_seed",
    ),
    "the rows are not split again inside a fit; search over num_iterations": (
        "early_stopping_round",
        "early_stopping_rounds",
        "early_stopping",
        "early_stopping_min_delta",
    ),
    "sqlml uses the processors that it may, and the result does not depend on them": (
        "num_threads",
        "n_jobs",
        "nthread",
        "num_thread",
        "nthreads",
        "force_row_wise",
        "force_col_wise",
        "deterministic",
    ),
    "it follows from the data: text columns are categories, and the number of classes is that of the target": (
        "num_class",
        "num_classes",
        "categorical_feature",
        "cat_feature",
    ),
    "a SQL expression cannot express such a model": ("linear_tree", "linear_trees", "reg_sqrt", "sigmoid"),
    "sqlml computes the metrics itself": ("metric", "metrics"),
    "nothing is printed": ("verbosity", "verbose"),
    "use is_unbalance, scale_pos_weight or a weight_column": ("class_weight",),
}
_REASONS = {name: reason for reason, names in _LEFT_OUT.items() for name in names}


def resolved_hyperparams(
    given: Mapping[str, Any], task: str, columns: Sequence[Column]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Every hyperparameter by LightGBM's main name, defaults included, and notes on what has no effect.

    Raises
    ------
    InvalidHyperparameter
        A name is unknown or given twice (also by an alias), a value has a wrong type or lies outside its range, the
        objective does not fit the task, or two values exclude each other.

    >>> resolved_hyperparams({"n_estimators": 5}, "binary", ())[0]["num_iterations"]
    5
    """
    if not isinstance(given, Mapping):
        raise InvalidHyperparameter(f"hyperparams must be an object by name, got {given!r}")
    names = [column.name for column in columns]
    asked: dict[str, Any] = {}
    for name, value in given.items():
        main = _main_name(name)
        if main in asked:
            raise InvalidHyperparameter(f"hyperparameter {main!r} is given twice, once as {name!r}; keep one of them")
        asked[main] = _checked(name, PARAMETERS[main], value, names)
    resolved = {name: asked.get(name, copy(parameter.default)) for name, parameter in PARAMETERS.items()}
    if "objective" not in asked:
        resolved["objective"] = OBJECTIVES[task][0]
    _check_together(resolved, task)
    return resolved, (*_adjustments(resolved), *_without_effect(asked, resolved))


def _main_name(name: str) -> str:
    if name in MAIN_NAMES:
        return MAIN_NAMES[name]
    reason = _REASONS.get(name)
    end = f"it cannot be set: {reason}" if reason else unknown_name(name, MAIN_NAMES)
    raise InvalidHyperparameter(f"algorithm 'lightgbm' has no hyperparameter {name!r}; {end}")


def _checked(name: str, parameter: Parameter, value: Any, columns: Sequence[str]) -> Any:
    """The value as LightGBM takes it: whole numbers as int, choices by their main word, columns by their own names."""
    refusal = InvalidHyperparameter(f"hyperparameter {name!r} must be {parameter.allowed}, got {value!r}")
    if parameter.kind == "choice":
        word = CHOICE_ALIASES.get(value, value) if isinstance(value, str) else value
        if word not in parameter.choices:
            raise refusal
        return word
    if parameter.kind == "flag":
        if not isinstance(value, bool):
            raise refusal
        return value
    if parameter.kind in ("whole", "number"):
        number = _number_within(parameter, value)
        if number is None:
            raise refusal
        return number
    if parameter.kind == "column_groups":
        if not isinstance(value, (list, tuple)) or not all(
            isinstance(group, (list, tuple)) and group for group in value
        ):
            raise refusal
        return [[_column(name, column, columns) for column in group] for group in value]
    return _by_column(name, parameter, value, columns, refusal)


def _number_within(parameter: Parameter, value: Any) -> int | float | None:
    """The number, or None where it has a wrong type or lies outside the limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
        return None
    whole = parameter.kind.startswith("whole")
    if not parameter.limits.hold(value) or (whole and value != int(value)):
        return None
    return int(value) if whole else float(value)


def _by_column(
    name: str, parameter: Parameter, value: Any, columns: Sequence[str], refusal: InvalidHyperparameter
) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal
    numbers: dict[str, Any] = {}
    for given, one in value.items():
        column, number = _column(name, given, columns), _number_within(parameter, one)
        if number is None or column in numbers:
            raise refusal
        numbers[column] = number
    return numbers


def _column(name: str, given: Any, columns: Sequence[str]) -> str:
    column = found_column(given, columns) if isinstance(given, str) else None
    if column is None:
        raise InvalidHyperparameter(
            f"hyperparameter {name!r} names {given!r}, not a feature column; {unknown_name(str(given), columns)}"
        )
    return column


def _check_together(resolved: Mapping[str, Any], task: str) -> None:
    """Refuse values that LightGBM refuses, or misunderstands, next to each other."""
    objective = resolved["objective"]
    if objective not in OBJECTIVES[task]:
        raise InvalidHyperparameter(
            f"objective {objective!r} does not fit a {task} model: {', '.join(OBJECTIVES[task])}"
        )
    if objective == "quantile" and resolved["alpha"] >= 1:
        raise InvalidHyperparameter(f"alpha is the quantile and must be below 1, got {resolved['alpha']}")
    if resolved["is_unbalance"] and resolved["scale_pos_weight"] != 1:
        raise InvalidHyperparameter("is_unbalance and scale_pos_weight exclude each other; keep one of them")
    if any(resolved["monotone_constraints"].values()) and objective in ("regression_l1", "quantile", "mape"):
        raise InvalidHyperparameter(f"monotone_constraints cannot be kept with objective {objective!r}; leave one out")
    if resolved["data_sample_strategy"] == "goss":
        if resolved["bagging_freq"] > 0 and resolved["bagging_fraction"] < 1:
            raise InvalidHyperparameter("data_sample_strategy 'goss' and bagging exclude each other; keep one of them")
        if resolved["top_rate"] + resolved["other_rate"] > 1:
            raise InvalidHyperparameter("top_rate and other_rate must not add up to more than 1")


def _adjustments(resolved: dict[str, Any]) -> list[str]:
    """Set what LightGBM itself would set to other values, and tell."""
    notes = []
    if resolved["path_smooth"] > 0 and resolved["min_data_in_leaf"] < 2:
        resolved["min_data_in_leaf"] = 2
        notes.append("min_data_in_leaf is 2, the least that path_smooth allows")
    if resolved["min_data_in_leaf"] == 0 and resolved["min_sum_hessian_in_leaf"] <= 1e-15:
        resolved["min_data_in_leaf"] = 1
        notes.append("min_data_in_leaf is 1, the least where min_sum_hessian_in_leaf is 0")
    if resolved["feature_fraction_bynode"] < 1 and resolved["monotone_constraints_method"] != "basic":
        resolved["monotone_constraints_method"] = "basic"
        notes.append("monotone_constraints_method is 'basic', the only one that feature_fraction_bynode allows")
    return notes


def _without_effect(asked: Mapping[str, Any], resolved: Mapping[str, Any]) -> list[str]:
    notes = []
    for name in asked:
        only = PARAMETERS[name].only
        if only and resolved[only[0]] not in only[1]:
            notes.append(f"{name} has no effect: {only[0]} is {resolved[only[0]]!r}, not {' or '.join(only[1])}")
    fractions = [name for name in asked if name.endswith("bagging_fraction") and asked[name] < 1]
    if fractions and not resolved["bagging_freq"]:
        notes.append(
            f"{' and '.join(fractions)} without effect: bagging_freq is 0; set it to 1 to draw rows every round"
        )
    return notes
