"""Trying hyperparameters: every combination of a grid, or random draws, on one validation split."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlml.errors import InvalidArgument
from sqlml.fit.algorithm import algorithm_named, check_hyperparameter_names, check_seed, fit_model
from sqlml.fit.metric import higher_is_better, metric_value, primary_metric
from sqlml.fit.outputs import model_outputs
from sqlml.fit.rows import Progress, Rows
from sqlml.fit.space import drawn, grid, parsed_space
from sqlml.fit.split import split_rows

SEARCHES = ("grid", "random")


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters, the value of the metric on the validation rows, and the seconds it took."""

    number: int
    hyperparams: dict[str, Any]
    metric: str
    value: float
    elapsed_seconds: float


def search(
    algorithm: str,
    rows: Rows,
    method: str,
    space: Mapping[str, Any],
    trials: int,
    hyperparams: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
    split: str = "auto",
    test_size: float = 0.25,
    progress: Progress | None = None,
) -> tuple[Trial, ...]:
    """Fit one model per trial on a part of the training rows and measure it on the rest.

    The validation rows are split off ``rows`` by the same rules as test rows; the test rows proper must not be
    among ``rows``. ``space`` maps a hyperparameter to a list of values or, for ``random``, to
    ``{"low", "high", "log", "int"}``; ``hyperparams`` are the same in every trial. ``grid`` tries every
    combination, ``random`` at most ``trials`` different draws, the same for the same seed.

    Raises
    ------
    InvalidArgument
        The method, the number of trials, the space or a split argument is wrong; the message names the key.
    InvalidHyperparameter
        A trial has an unknown hyperparameter or a value that the algorithm refuses.
    InvalidData
        The rows cannot be split, or not be fitted.
    """
    chosen = algorithm_named(algorithm)
    check_seed(seed)
    if method not in SEARCHES:
        raise InvalidArgument(f"search {method!r} is unknown; known are: {', '.join(SEARCHES)}")
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise InvalidArgument(f"trials must be a whole number from 1, got {trials!r}")
    choices = parsed_space(space, hyperparams)
    check_hyperparameter_names(chosen, {**hyperparams, **space})
    candidates = grid(choices) if method == "grid" else drawn(choices, trials, Random(seed))  # noqa: S311
    fitted_on, validation = split_rows(rows, split, test_size, seed)
    done: list[Trial] = []
    for number, candidate in enumerate(candidates, start=1):
        params = {**hyperparams, **candidate}
        done.append(_trial(number, algorithm, fitted_on, validation, params, preprocess, seed))
        if progress is not None:
            progress(number, len(candidates))
    return tuple(done)


def _trial(
    number: int,
    algorithm: str,
    train: Rows,
    validation: Rows,
    params: dict[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
) -> Trial:
    started = time.perf_counter()
    model = fit_model(algorithm, train, params, preprocess, seed).model
    metric = primary_metric(train.task)
    value = metric_value(metric, validation.target, model_outputs(model, validation), validation.weight)
    return Trial(number, params, metric, value, time.perf_counter() - started)


def best(trials: tuple[Trial, ...]) -> Trial:
    """The trial with the best value; of equal ones the first. A value that is not finite loses to all others.

    >>> best((Trial(1, {}, "rmse", 2.0, 0.1), Trial(2, {}, "rmse", 1.0, 0.1))).number
    2
    """
    if not trials:
        raise InvalidArgument("there is no trial to choose from")

    def rank(trial: Trial) -> tuple[bool, float, int]:
        value = -trial.value if higher_is_better(trial.metric) else trial.value
        return (not math.isfinite(value), value if math.isfinite(value) else 0.0, trial.number)

    return min(trials, key=rank)
