"""The algorithms by name, and the one way to fit a model with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlml.errors import InvalidArgument, InvalidHyperparameter
from sqlml.fit import baseline, lightgbm_parameters, linear
from sqlml.fit.names import unknown_name
from sqlml.fit.rows import Fitted, Progress, Rows
from sqlml.spec import TASKS

Fit = Callable[[Rows, Mapping[str, Any], Mapping[str, Any], int, "Progress | None"], Fitted]
"""``fit(rows, hyperparams, preprocess, seed, progress)``."""

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Algorithm:
    """A way to fit a model: the tasks it takes, one line about it, and one line per hyperparameter."""

    name: str
    tasks: tuple[str, ...]
    description: str
    hyperparameters: Mapping[str, str]
    fit: Fit


def _fit_of(module: str) -> Fit:
    """The function ``fit`` of a module that is imported when it is first called, because it loads a library."""

    def fit(
        rows: Rows, hyperparams: Mapping[str, Any], preprocess: Mapping[str, Any], seed: int, progress: Progress | None
    ) -> Fitted:
        try:
            loaded = import_module(module)
        except OSError as error:
            raise InvalidArgument(
                f"the library of algorithm {module.rpartition('.')[2]!r} cannot be loaded: {error}; where libgomp is "
                "missing, install it (Debian and Ubuntu: apt-get install libgomp1)"
            ) from error
        fitted: Fitted = loaded.fit(rows, hyperparams, preprocess, seed, progress)
        return fitted

    return fit


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            name="baseline",
            tasks=TASKS,
            description="the same answer for every row: the frequency of each class, or the mean of the target",
            hyperparameters=baseline.HYPERPARAMETERS,
            fit=baseline.fit,
        ),
        Algorithm(
            name="linear",
            tasks=TASKS,
            description="logistic regression, or ridge regression of a number (scikit-learn)",
            hyperparameters=linear.HYPERPARAMETERS,
            fit=linear.fit,
        ),
        Algorithm(
            name="lightgbm",
            tasks=TASKS,
            description="gradient boosted decision trees (LightGBM)",
            hyperparameters=lightgbm_parameters.HYPERPARAMETERS,
            fit=_fit_of("sqlml.fit.lightgbm"),
        ),
    )
}
"""Every algorithm by its name."""


def algorithm_named(name: str) -> Algorithm:
    """The algorithm of this name; an unknown one raises :class:`InvalidArgument` with the closest names."""
    if name not in ALGORITHMS:
        raise InvalidArgument(f"algorithm {name!r} is unknown; {unknown_name(name, ALGORITHMS)}")
    return ALGORITHMS[name]


def fit_model(
    algorithm: str,
    rows: Rows,
    hyperparams: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
    progress: Progress | None = None,
) -> Fitted:
    """Fit a model on all the rows given; the same arguments give the same model, bit for bit.

    Raises
    ------
    InvalidArgument
        The algorithm is unknown, does not do the task, or the seed is no whole number from 0 to 2^31 - 1.
    InvalidHyperparameter
        A hyperparameter or a preprocessing step is unknown or has a wrong value.
    InvalidData
        The algorithm cannot use these rows.
    """
    chosen = algorithm_named(algorithm)
    if rows.task not in chosen.tasks:
        able = [each.name for each in ALGORITHMS.values() if rows.task in each.tasks]
        raise InvalidArgument(f"algorithm {algorithm!r} has no task {rows.task!r}; these have it: {', '.join(able)}")
    if not isinstance(hyperparams, Mapping):
        raise InvalidHyperparameter(f"hyperparams must be an object by name, got {hyperparams!r}")
    check_seed(seed)
    return chosen.fit(rows, hyperparams, preprocess, seed, progress)


def check_hyperparameter_names(algorithm: Algorithm, names: Iterable[str]) -> None:
    """Refuse names of hyperparameters that the algorithm does not have."""
    for name in names:
        if name not in algorithm.hyperparameters:
            raise InvalidHyperparameter(
                f"algorithm {algorithm.name!r} has no hyperparameter {name!r}; "
                + unknown_name(name, algorithm.hyperparameters)
            )


def check_seed(seed: int) -> None:
    """Refuse a seed that is not a whole number from 0 to 2^31 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InvalidArgument(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}")
