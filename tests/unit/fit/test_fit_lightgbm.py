"""Fitting boosted trees on rows: the same trees as LightGBM's, the same bits again, and clear refusals."""

import os
import subprocess
import sys
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit import lightgbm as module
from sqlml.fit.lightgbm import fit
from sqlml.fit.preprocess import Needs, features_for
from sqlml.fit.rows import Rows, Source
from sqlml.kernel.scorer import scorer
from sqlml.spec import Column, from_json, to_json

COLUMNS = (
    Column("x", "number"),
    Column('city {"a": [1]}, \n', "text"),
    Column("smokes", "boolean"),
    Column("at", "timestamp"),
    Column("n", "integer"),
)


def rows_of(task="regression", count=300, weighted=False, seed=0):
    """Rows of every type of column with NULLs, and a target that depends on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    city = rng.choice(["Rome", "Oslo", "Łódź", "a,b:c"], count)
    whole = rng.integers(-2, 3, count)
    score = np.sin(3 * x) + (city == "Rome") + 0.3 * whole + rng.normal(size=count) * 0.2
    arrays = [
        pa.array(x, mask=rng.random(count) < 0.1),
        pa.array(city, mask=rng.random(count) < 0.1),
        pa.array(rng.random(count) < 0.5, mask=rng.random(count) < 0.1),
        pa.array(rng.integers(0, 10**15, count), pa.timestamp("us")),
        pa.array(whole),
    ]
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    edges = {"binary": [0.5], "multiclass": [0.2, 0.8]}.get(task, [])
    return Rows(
        task=task,
        columns=COLUMNS,
        source=Source(pa.table(arrays, names=[column.name for column in COLUMNS])),
        position=np.arange(count),
        target=np.digitize(score, np.quantile(score, edges)).astype(float) if classes else score,
        classes=classes,
        weight=rng.random(count) + 0.1 if weighted else None,
        time=None,
        group=None,
        digest=np.arange(count, dtype=np.uint64),
    )


def number_rows(values, target):
    """Rows of one number column ``x``."""
    return Rows(
        task="regression",
        columns=(Column("x", "number"),),
        source=Source(pa.table({"x": pa.array(values, pa.float64())})),
        position=np.arange(len(target)),
        target=np.asarray(target, dtype=float),
        classes=(),
        weight=None,
        time=None,
        group=None,
        digest=np.arange(len(target), dtype=np.uint64),
    )


@pytest.fixture
def boosters(monkeypatch):
    """The boosters that are trained during a test, by LightGBM itself."""
    kept = []
    train = lgb.train

    def watched(*args, **kwargs):
        kept.append(train(*args, **kwargs))
        return kept[-1]

    monkeypatch.setattr(lgb, "train", watched)
    return kept


SETTINGS = [
    ("regression", {}, {}),
    ("regression", {"objective": "l1", "subsample": 0.7, "subsample_freq": 1}, {}),
    ("regression", {"boosting": "dart", "n_estimators": 20}, {"x": {"scale": "standard", "impute": "mean"}}),
    ("regression", {"zero_as_missing": True}, {}),
    ("regression", {"use_missing": False}, {COLUMNS[1].name: {"encode": "ordinal"}}),
    ("regression", {"monotone_constraints": {"x": 1, "n": -1}, "max_bin_by_feature": {"x": 9}}, {}),
    ("regression", {"interaction_constraints": [["x", "n"], ["at"]], "feature_contri": {"n": 0.5}}, {}),
    ("regression", {}, {COLUMNS[1].name: {"impute": "most_frequent", "max_categories": 2}}),
    ("binary", {"is_unbalance": True, "learning_rate": 0.3}, {"at": {"encode": ["epoch"]}}),
    ("binary", {"data_sample_strategy": "goss", "max_depth": 4, "extra_trees": True}, {}),
    ("multiclass", {"num_leaves": 7, "feature_fraction": 0.6, "path_smooth": 1}, {}),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("task", "hyperparams", "preprocess"), SETTINGS)
def test_the_model_answers_what_the_library_answers(boosters, task, hyperparams, preprocess, weighted):
    rows = rows_of(task, weighted=weighted)
    fitted = fit(rows, {"n_estimators": 10, **hyperparams}, preprocess, 7)
    assert not [note for note in fitted.notes if "max_categories" not in note]
    features = fitted.model.features
    matrix = rows.matrix([replace(feature, zero_is_missing=False) for feature in features])

    scoring = scorer(fitted.model)
    raw = scoring.raw(rows.matrix(features))

    assert raw.tobytes() == boosters[0].predict(matrix, raw_score=True).tobytes()
    wanted = boosters[0].predict(matrix)
    np.testing.assert_array_max_ulp(scoring.output(raw).reshape(wanted.shape), wanted, maxulp=1)
    assert from_json(to_json(fitted.model)) == fitted.model


def test_the_trees_are_those_of_plain_lightgbm_on_the_same_matrix(boosters):
    rows = rows_of("binary", weighted=True)
    fitted = fit(rows, {}, {}, 3)
    matrix = rows.matrix(fitted.model.features)
    params = {
        "objective": "binary",
        "deterministic": True,
        "force_col_wise": True,
        "seed": 3,
        "verbosity": -1,
        "num_threads": 1,
    }
    dataset = lgb.Dataset(matrix, rows.target, weight=rows.weight, categorical_feature=[1])
    plain = lgb.train(params, dataset, 100)
    assert len(fitted.model.estimator.trees) == plain.num_trees() == 100
    wanted = plain.predict(matrix, raw_score=True)
    assert scorer(fitted.model).raw(matrix).tobytes() == wanted.tobytes()


def test_progress_tells_every_round():
    told = []
    fit(rows_of(), {"num_iterations": 4}, {}, 1, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupt_in_training_comes_through(error):
    def stop(done, total):
        if done == 2:
            raise error

    with pytest.raises(error):
        fit(rows_of(), {}, {}, 1, stop)


def test_nothing_is_printed(capfd):
    fit(rows_of(), {"max_depth": 7, "monotone_constraints": {"x": 1}, "monotone_penalty": 9}, {}, 1)
    fit(rows_of("binary", count=8), {"boosting": "dart"}, {}, 1)
    sparse = replace(
        rows_of(), source=Source(rows_of().table.set_column(1, COLUMNS[1].name, [pa.nulls(300, pa.string())]))
    )
    fit(sparse, {"min_data_in_leaf": 1}, {}, 1)
    for hyperparams in ({"feature_contri": {"x": -1}}, {"num_leaves": 1}, {"objective": "gamma"}):
        with pytest.raises((InvalidData, InvalidHyperparameter)):
            fit(rows_of(), hyperparams, {}, 1)
    assert capfd.readouterr() == ("", "")


UNEVEN = [
    ("regression", {"subsample": 0.7, "subsample_freq": 1, "feature_fraction": 0.7}),
    ("regression", {"objective": "quantile"}),
    ("regression", {"objective": "poisson", "boosting": "dart"}),
    ("binary", {"extra_trees": True}),
    ("multiclass", {"data_sample_strategy": "goss", "learning_rate": 0.5}),
]


def artifact(task, hyperparams):
    """A model of rows whose sums of gradients depend on the order of additions: uneven weights, sparse columns."""
    rows = rows_of(task, 6000)
    rng = np.random.default_rng(1)
    sparse = np.where(rng.random((6000, 20)) < 0.05, rng.integers(1, 5, (6000, 20)), 0.0)
    table = rows.table
    for index in range(20):
        table = table.append_column(f"s{index}", pa.array(sparse[:, index]))
    rows = replace(
        rows,
        columns=(*COLUMNS, *(Column(f"s{index}", "number") for index in range(20))),
        source=Source(table),
        target=rows.target if rows.classes else np.exp(rows.target + sparse.sum(1)),
        weight=rng.random(6000) ** 8 + 1e-9,
    )
    return to_json(fit(rows, {"n_estimators": 5, "num_leaves": 15, "learning_rate": 0.3, **hyperparams}, {}, 11).model)


@pytest.mark.parametrize(("task", "hyperparams"), UNEVEN)
def test_the_artifact_does_not_depend_on_the_number_of_threads(monkeypatch, task, hyperparams):
    monkeypatch.setattr(module, "_SMALL", 0)
    artifacts = set()
    for threads in (1, 2, 5) if hyperparams == UNEVEN[0][1] else (1, 5):
        with threadpool_limits(threads, user_api="openmp"):
            artifacts.add(artifact(task, hyperparams))
    assert len(artifacts) == 1


def test_the_artifact_does_not_depend_on_the_process():
    script = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_fit_lightgbm as test; "
        "print(test.artifact(*test.UNEVEN[0]))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, encoding="utf-8")
    assert run.stdout == artifact(*UNEVEN[0]) + "\n"
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("small", "strategy", "seen", "allowed", "variable", "threads"),
    [
        (10**9, "bagging", 64, 2, None, 1),
        (0, "goss", 64, 2, None, 1),
        (0, "bagging", 64, 2, None, 2),
        (0, "bagging", 8, 8, None, 0),
        (0, "bagging", 64, 2, "16", 0),
    ],
)
def test_no_more_threads_than_help(monkeypatch, small, strategy, seen, allowed, variable, threads):
    monkeypatch.setattr(module, "_SMALL", small)
    monkeypatch.setattr(module, "allowed_threads", lambda: allowed)
    monkeypatch.setattr(os, "cpu_count", lambda: seen)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    prepared = features_for(rows_of(), {}, Needs())
    assert module._threads(rows_of(), prepared, {"data_sample_strategy": strategy}) == threads


def test_another_seed_gives_another_model_where_rows_are_drawn():
    given = {"subsample": 0.5, "subsample_freq": 1, "n_estimators": 3}
    assert fit(rows_of(), given, {}, 1).model != fit(rows_of(), given, {}, 2).model


def test_every_hyperparameter_used_is_told():
    used = fit(rows_of(), {"n_estimators": 2, "eta": 0.3}, {}, 1).hyperparams
    assert (used["num_iterations"], used["learning_rate"], used["num_leaves"]) == (2, 0.3, 31)
    assert used["objective"] == "regression"


def test_importance_is_the_share_of_gain_by_column(boosters):
    rows = rows_of()
    model = fit(rows, {}, {}, 1).model
    gain = boosters[0].feature_importance("gain")
    assert len(model.features) == 8
    by_column = [gain[0], gain[1], gain[2], gain[3:7].sum(), gain[7]]
    np.testing.assert_allclose(model.importance, by_column / gain.sum(), rtol=1e-5)
    assert sum(model.importance) == pytest.approx(1, abs=1e-15)


def test_few_rows_give_a_valid_constant_and_a_note():
    fitted = fit(number_rows(np.arange(20.0), np.arange(20.0)), {}, {}, 1)
    assert [len(tree.leaf) for tree in fitted.model.estimator.trees] == [1]
    assert fitted.model.estimator.trees[0].leaf == (9.5,)
    assert fitted.model.importance == (0.0,)
    assert "no split was possible in 20 rows" in fitted.notes[0]
    assert "min_data_in_leaf (20)" in fitted.notes[0]


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_rows_give_a_valid_model(count):
    model = fit(number_rows(np.arange(count), np.arange(count)), {"min_data_in_leaf": 1}, {}, 1).model
    assert from_json(to_json(model)) == model


def test_an_early_end_is_noted():
    rows = number_rows(np.arange(100.0), (np.arange(100) > 50).astype(float))
    fitted = fit(rows, {"learning_rate": 1.0, "min_data_in_bin": 1}, {}, 1)
    assert len(fitted.model.estimator.trees) < 100
    assert fitted.notes[0].startswith("training ended after")


def test_a_text_column_of_nulls_is_never_read():
    table = rows_of().table.set_column(1, COLUMNS[1].name, [pa.nulls(300, pa.string())])
    model = fit(replace(rows_of(), source=Source(table)), {}, {}, 1).model
    assert model.features[1].categories == ()
    assert model.importance[1] == 0


def test_a_target_that_a_float32_cannot_hold_is_noted():
    values = np.arange(100.0)
    assert not fit(number_rows(values, 1e6 + values), {"n_estimators": 1}, {}, 1).notes
    notes = fit(number_rows(values, 1.7e9 + values), {"n_estimators": 1}, {}, 1).notes
    assert "float32, which moves it by up to" in notes[0]


@pytest.mark.parametrize(
    ("changes", "hyperparams", "said"),
    [
        ({"target": np.full(50, np.nan)}, {}, "finite numbers"),
        ({"target": np.full(50, np.inf)}, {}, "finite numbers"),
        ({"target": np.full(50, -1e39)}, {}, "finite numbers"),
        ({"target": np.arange(50.0) - 1}, {"objective": "poisson"}, "needs a target of 0 and more"),
        ({"target": np.arange(50.0) - 1}, {"objective": "gamma"}, "needs a target of 0 and more"),
        ({"target": np.zeros(50)}, {"objective": "tweedie"}, "needs a target of 0 and more"),
        ({"weight": np.full(50, 1e39)}, {}, "weights must lie"),
        ({"weight": np.full(50, 1e-60)}, {}, "weights must lie"),
        ({"weight": np.full(50, -1.0)}, {}, "weights must lie"),
        ({"weight": np.full(50, np.nan)}, {}, "weights must lie"),
        ({"columns": (), "source": Source(pa.table({}))}, {}, "no feature column"),
        ({"target": np.linspace(0, 1e30)}, {"learning_rate": 1e290, "min_data_in_leaf": 1}, "lower learning_rate"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(changes, hyperparams, said):
    with pytest.raises(InvalidData, match=said):
        fit(replace(number_rows(np.arange(50.0), np.arange(50.0)), **changes), hyperparams, {}, 1)


def test_no_rows_are_refused():
    with pytest.raises(InvalidData, match="no rows"):
        fit(number_rows([], []), {}, {}, 1)


@pytest.mark.parametrize(
    ("hyperparams", "preprocess", "said"),
    [
        ({"monotone_constraints": {COLUMNS[1].name: 1}}, {}, "categories have no order"),
        ({"zero_as_missing": True}, {"x": {"impute": 1.0}}, "zero_as_missing cannot be kept for column 'x'"),
        ({"zero_as_missing": True}, {"n": {"scale": "standard"}}, "zero_as_missing cannot be kept for column 'n'"),
        ({"zero_as_missing": True}, {COLUMNS[1].name: {"encode": "ordinal"}}, "zero_as_missing cannot be kept"),
        ({"num_leafs": 2}, {}, "no hyperparameter"),
    ],
)
def test_hyperparameters_that_do_not_fit_the_features_are_refused(hyperparams, preprocess, said):
    with pytest.raises(InvalidHyperparameter, match=said):
        fit(rows_of(), hyperparams, preprocess, 1)


@pytest.mark.parametrize(("hyperparams", "error"), [({}, InvalidData), ({"num_leaves": 3}, InvalidHyperparameter)])
def test_an_error_of_the_library_is_wrapped(monkeypatch, hyperparams, error):
    # Everything known to make LightGBM fail is refused before; the parameter makes it fail in its own words.
    monkeypatch.setitem(module._FIXED, "objective", "no_such_objective")
    with pytest.raises(error, match="Unknown objective type name"):
        fit(rows_of(), hyperparams, {}, 1)
