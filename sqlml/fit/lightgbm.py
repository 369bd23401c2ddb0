"""Gradient boosted trees, trained by LightGBM; its model text becomes the spec at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# OpenMP reads this when it is loaded. Threads that spin while they wait made the same training take 14 s instead of
# 0.4 s on two busy cores; threads that sleep cost nothing that could be measured on idle ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightgbm as lgb

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.lightgbm_hyperparams import resolved_hyperparams
from sqlml.fit.lightgbm_text import ReadTrees, read_model_text, to_trees
from sqlml.fit.preprocess import Needs, Prepared, features_for
from sqlml.fit.rows import Fitted, Progress, Rows
from sqlml.fit.threads import allowed_threads
from sqlml.spec import Column, Feature, Model

_LARGEST = float(np.finfo(np.float32).max)
"""LightGBM keeps targets and weights as float32."""

_FIXED = {
    "deterministic": True,
    "force_col_wise": True,
    "is_enable_sparse": False,
    "verbosity": -1,
    "metric": "none",
}
"""With these a sum of gradients is added up by one thread in the order of the rows.

Row-wise histograms, and those of sparse features, are sums over blocks of rows, one block per thread: with them the
last bits, and then the splits, depend on the number of threads although ``deterministic`` is set.
"""

_SMALL = 500_000
"""Values in all up to which one thread is as fast: on a busy machine, threads that wait for each other take seconds."""


def fit(
    rows: Rows,
    hyperparams: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    seed: int,
    progress: Progress | None = None,
) -> Fitted:
    """Fit boosted trees; the defaults are LightGBM's own: 100 rounds, 31 leaves, a learning rate of 0.1.

    Text columns are split by category unless they are encoded as ordinal; nothing is imputed or scaled unless it is
    asked for. ``importance`` is the share of the total split gain by column. ``progress`` is called after each
    round. The same rows, hyperparameters and seed give the same model, whatever the number of threads.

    Raises
    ------
    InvalidHyperparameter
        A hyperparameter or a step of ``preprocess`` is unknown, has a wrong value, or does not fit the others.
    InvalidData
        There are no features, or the target or the weights are not what the objective can use.
    InvalidSpec
        This version of LightGBM writes something that is not known here.
    """
    params, remarks = resolved_hyperparams(hyperparams, rows.task, rows.columns)
    _check_numbers(rows, params["objective"])
    prepared = features_for(rows, preprocess, Needs())
    _check_features(prepared, params)
    try:
        text = _model_text(rows, prepared, params, seed, progress)
    except lgb.basic.LightGBMError as error:
        raise _refused_by_library(error, hyperparams) from error
    _check_finite(text)
    read = to_trees(read_model_text(text), prepared.features)
    model = Model(
        task=rows.task,
        columns=rows.columns,
        features=read.features,
        estimator=read.estimator,
        link=read.link,
        classes=rows.classes,
        importance=_importance(rows.columns, read),
    )
    return Fitted(model, params, (*prepared.notes, *remarks, *_notes(rows, params, read)))


def _check_numbers(rows: Rows, objective: str) -> None:
    """Refuse targets and weights that LightGBM would refuse, or would change on its way to float32."""
    if not len(rows):
        raise InvalidData("there are no rows to fit a model on")
    low, high = float(rows.target.min()), float(rows.target.max())
    if not (low >= -_LARGEST and high <= _LARGEST):
        raise InvalidData(
            f"the target reaches from {low} to {high}; LightGBM takes finite numbers up to {_LARGEST:.1e}"
        )
    if objective in ("poisson", "gamma", "tweedie") and (low < 0 or high == 0):
        raise InvalidData(f"objective {objective!r} needs a target of 0 and more, not all 0; it is {low} to {high}")
    if rows.weight is not None:
        low, high = float(rows.weight.min()), float(rows.weight.max())
        if not (low >= 0 and high <= _LARGEST and np.float32(high) > 0):
            raise InvalidData(f"the weights must lie in 0 to {_LARGEST:.1e} and not all be 0; they are {low} to {high}")


def _check_features(prepared: Prepared, params: Mapping[str, Any]) -> None:
    """Refuse features that LightGBM, or a spec, cannot treat as the hyperparameters ask."""
    if not prepared.features:
        raise InvalidData("there is no feature column to fit trees on")
    for feature, categorical in zip(prepared.features, prepared.categorical, strict=True):
        if categorical and params["monotone_constraints"].get(feature.column):
            raise InvalidHyperparameter(
                f"monotone_constraints names column {feature.column!r}, whose categories have no order; leave it out, "
                'or preprocess it with "encode": "ordinal"'
            )
        if params["zero_as_missing"] and not categorical and not _keeps_zero(feature):
            raise InvalidHyperparameter(
                f"zero_as_missing cannot be kept for column {feature.column!r}, which is imputed, scaled or an ordinal "
                "category; leave zero_as_missing out, or that step of preprocess"
            )


def _keeps_zero(feature: Feature) -> bool:
    return feature.kind != "category" and (feature.impute, feature.center, feature.scale) == (None, 0.0, 1.0)


def _model_text(rows: Rows, prepared: Prepared, params: Mapping[str, Any], seed: int, progress: Progress | None) -> str:
    """Train, and return LightGBM's text of the model; the booster and its data are gone then."""
    rounds = params["num_iterations"]
    library = {
        **_library_params(params, prepared.features),
        **_FIXED,
        "seed": seed,
        "num_threads": _threads(rows, prepared, params),
    }
    if rows.task == "multiclass":
        library["num_class"] = len(rows.classes)
    booster = lgb.train(
        library,
        _dataset(rows, prepared, library),
        num_boost_round=rounds,
        keep_training_booster=True,
        callbacks=[] if progress is None else [_reporting(progress, rounds)],
    )
    text: str = booster.model_to_string(num_iteration=-1)
    return text


def _dataset(rows: Rows, prepared: Prepared, library: dict[str, Any]) -> lgb.Dataset:
    """The binned rows. The matrix of doubles is read in place."""
    return lgb.Dataset(
        rows.matrix(prepared.features),
        label=rows.target,
        weight=rows.weight,
        # Names of columns may hold characters that LightGBM refuses.
        feature_name=[f"f{index}" for index in range(len(prepared.features))],
        categorical_feature=[index for index, categorical in enumerate(prepared.categorical) if categorical],
        params=library,
        free_raw_data=True,
    ).construct()


def _library_params(params: Mapping[str, Any], features: Sequence[Feature]) -> dict[str, Any]:
    """The hyperparameters with what is said by column turned into what is said by position."""
    columns = [feature.column for feature in features]
    positional = {"monotone_constraints": 0, "feature_contri": 1.0, "max_bin_by_feature": params["max_bin"]}
    library = {name: value for name, value in params.items() if name != "num_iterations" and value not in ({}, [])}
    for name, default in positional.items():
        if name in library:
            library[name] = [params[name].get(column, default) for column in columns]
    if "interaction_constraints" in library:
        library["interaction_constraints"] = [
            [index for index, column in enumerate(columns) if column in group]
            for group in params["interaction_constraints"]
        ]
    return library


def _threads(rows: Rows, prepared: Prepared, params: Mapping[str, Any]) -> int:
    """0, which leaves it to OpenMP, or what the container allows if OpenMP sees more; 1 where more do not help.

    GOSS ranks the gradients of each thread's rows apart, so that its result depends on the number of threads.
    """
    if len(rows) * len(prepared.features) <= _SMALL or params["data_sample_strategy"] == "goss":
        return 1
    allowed = allowed_threads()
    return 0 if "OMP_NUM_THREADS" in os.environ or allowed >= (os.cpu_count() or 1) else allowed


def _reporting(progress: Progress, rounds: int) -> Callable[[lgb.callback.CallbackEnv], None]:
    def report(env: lgb.callback.CallbackEnv) -> None:
        progress(env.iteration + 1, rounds)

    return report


def _refused_by_library(error: Exception, hyperparams: Mapping[str, Any]) -> InvalidData | InvalidHyperparameter:
    said = " ".join(str(error).split())
    if hyperparams:
        return InvalidHyperparameter(
            f"LightGBM refuses these rows with {', '.join(hyperparams)}: {said}; take the default of one of them, or "
            "look at the ranges of the target and the weights"
        )
    return InvalidData(f"LightGBM refuses these rows: {said}; look at the ranges of the target and the weights")


def _check_finite(text: str) -> None:
    """Refuse a model whose leaves overflowed."""
    if re.search(r"^leaf_value=.*(?:nan|inf)", text, flags=re.MULTILINE):
        raise InvalidData(
            "training left the range of numbers: a leaf is not finite; lower learning_rate, or bring the target into a "
            "smaller range"
        )


def _importance(columns: Sequence[Column], read: ReadTrees) -> tuple[float, ...]:
    """The share of each column in the total gain of all splits; all 0 where nothing is split."""
    gain = dict.fromkeys((column.name for column in columns), 0.0)
    for feature, gained in zip(read.features, read.gain, strict=True):
        gain[feature.column] += gained
    total = sum(gain.values())
    return tuple(gained / total if total else 0.0 for gained in gain.values())


def _notes(rows: Rows, params: Mapping[str, Any], read: ReadTrees) -> list[str]:
    """What a person should know of the outcome."""
    notes = []
    trained = len(read.estimator.trees) // read.estimator.outputs
    if not any(tree.feature for tree in read.estimator.trees):
        notes.append(
            f"no split was possible in {len(rows)} rows, so every row gets the same answer; give more rows, or lower "
            f"min_data_in_leaf ({params['min_data_in_leaf']}) or min_sum_hessian_in_leaf"
        )
    elif trained < params["num_iterations"]:
        notes.append(
            f"training ended after {trained} of {params['num_iterations']} rounds: no further split was possible"
        )
    rounded = float(np.abs(rows.target - rows.target.astype(np.float32)).max())
    if rounded > 1e-3 * float(rows.target.std()) > 0:
        notes.append(
            f"LightGBM keeps the target as a float32, which moves it by up to {rounded:.3g}, much of its spread; "
            "subtract a constant from it in the relation"
        )
    return notes
