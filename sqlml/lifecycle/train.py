"""Train a version: read, split, search, fit, measure, prove the SQL, write down, and let the gates decide."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from typing import Any

import pyarrow as pa

from sqlml.engine import Engine, Session
from sqlml.errors import FeatureMismatch, InvalidArgument
from sqlml.fit.algorithm import algorithm_named, fit_model
from sqlml.fit.digest import dataset_digest
from sqlml.fit.metric import primary_metric
from sqlml.fit.outputs import model_outputs
from sqlml.fit.read import read_rows
from sqlml.fit.roles import Roles
from sqlml.fit.rows import Fitted, Rows
from sqlml.fit.search import Trial, best
from sqlml.fit.search import search as run_search
from sqlml.fit.split import METHODS, split_method, split_rows
from sqlml.fit.threads import aside
from sqlml.lifecycle.arguments import Report, json_names, json_object, one_of, silent
from sqlml.lifecycle.deploy import CHAMPION, go_live
from sqlml.lifecycle.evaluate import Judged, measured, metrics_of, summed
from sqlml.lifecycle.gate import Rival, Verdict, verdict
from sqlml.lifecycle.predict import load_version
from sqlml.lifecycle.reference import keep_reference
from sqlml.registry.compiled import compile_and_prove
from sqlml.registry.deployment import current
from sqlml.registry.model import (
    Address,
    NewVersion,
    add_version,
    checked_name,
    facts,
    known_task_and_target,
    next_version,
)
from sqlml.registry.run import Metric, Run, add_metrics, finish_run, utc_now
from sqlml.registry.trial import add_trials
from sqlml.spec import Model

_LIBRARIES = ("sqlml", "lightgbm", "scikit-learn", "numpy", "pyarrow", "duckdb", "sqlglot")


@dataclass(frozen=True)
class Request:
    """What was asked for, checked as far as it can be without reading a row."""

    model: str
    relation: str
    roles: Roles
    task: str
    algorithm: str
    hyperparams: dict[str, Any]
    preprocess: dict[str, Any]
    split: str
    test_size: float
    search: str | None
    search_space: dict[str, Any]
    trials: int
    seed: int
    deploy: str


@dataclass(frozen=True)
class Data:
    """The rows of the relation as they were read, and as they are fitted and tested."""

    table: pa.Table
    sql: str
    rows: Rows
    train: Rows
    test: Rows
    split: str


@dataclass(frozen=True)
class Candidate:
    """A fitted version that has no number yet."""

    fitted: Fitted
    baseline: Fitted
    trials: tuple[Trial, ...]
    chosen: int | None


@dataclass(frozen=True)
class Outcome:
    """What was measured, what the gates say, and the primary metric of the candidate and of its baseline.

    ``judged`` are its answers to the held-out rows. ``champion`` is the version with which the candidate was compared,
    None where none was live.
    """

    judged: Judged
    metrics: tuple[Metric, ...]
    verdict: Verdict
    champion: int | None
    value: float | None
    baseline_value: float | None


def train(
    engine: Engine,
    model: str,
    relation: str,
    target: str,
    task: str = "auto",
    algorithm: str = "lightgbm",
    hyperparams: Any = "{}",
    preprocess: Any = "{}",
    features: Any = None,
    key_column: str | None = None,
    time_column: str | None = None,
    weight_column: str | None = None,
    group_column: str | None = None,
    split: str = "auto",
    test_size: float = 0.25,
    search: str | None = None,
    search_space: Any = "{}",
    trials: int = 20,
    seed: int = 42,
    deploy: str = "gated",
    runtime: str = "auto",
    report: Report = silent,
) -> dict[str, Any]:
    """Train a version of a model from the rows of a relation.

    The rows are split, the baseline and the candidate are fitted on the training side, and both are measured on
    the held-out side, as is the live version. With ``deploy => 'gated'`` the candidate goes live when it is better
    than both. The version, its run, its metrics and its place are written in one transaction. The model that is
    kept is the one that was measured. The same rows, arguments and libraries give the same ``artifact_hash``.

    Returns
    -------
    ``model, version, task, algorithm, metric, value, baseline_value, deployed, run_id, reason``.

    Raises
    ------
    InvalidArgument, InvalidName, InvalidRelation, InvalidHyperparameter, InvalidData
        The remedy is in the message, and the database is as it was.
    """
    run = Run("train")
    one_of(runtime, engine.runtimes, "runtime")
    named = json_names(features, "features")
    request = Request(
        model=checked_name(model),
        relation=relation,
        roles=Roles(target, named, key_column, time_column, weight_column, group_column),
        task=task,
        algorithm=algorithm_named(algorithm).name,
        hyperparams=json_object(hyperparams, "hyperparams"),
        preprocess=json_object(preprocess, "preprocess"),
        split=one_of(split, METHODS, "split"),
        test_size=test_size,
        search=None if search is None else one_of(search, ("grid", "random"), "search"),
        search_space=json_object(search_space, "search_space"),
        trials=trials,
        seed=seed,
        deploy=one_of(deploy, ("gated", "never", "always"), "deploy"),
    )
    return _trained(engine, run, request, report)


def _trained(engine: Engine, run: Run, request: Request, report: Report) -> dict[str, Any]:
    """Do what was asked for; gives what :func:`train` gives."""
    data = _read(engine, request, report)
    candidate = _fit(request, data, report)
    report("measuring", 0, 1)
    outcome = _measure(engine, request, data, candidate)
    report("measuring", 1, 1)
    address, deployed, reason = _write_down(engine, run, request, data, candidate, outcome, report)
    return {
        "model": address.model,
        "version": address.version,
        "task": data.rows.task,
        "algorithm": request.algorithm,
        "metric": primary_metric(data.rows.task),
        "value": outcome.value,
        "baseline_value": outcome.baseline_value,
        "deployed": deployed,
        "run_id": run.run_id,
        "reason": reason,
    }


def _read(engine: Engine, request: Request, report: Report) -> Data:
    report("reading", 0, 1)
    relation = engine.relation(request.relation)
    table = engine.arrow(relation.select().sql(engine.dialect), relation.parameters)
    rows = read_rows(table, request.roles, request.task)
    _check_purpose(engine, request, rows)
    train_rows, test_rows = split_rows(rows, request.split, request.test_size, request.seed)
    report("reading", 1, 1)
    return Data(table, relation.sql, rows, train_rows, test_rows, split_method(rows, request.split))


def _check_purpose(engine: Engine, request: Request, rows: Rows) -> None:
    """A new version must answer the question that the model answers."""
    known = known_task_and_target(engine, request.model)
    if known is None:
        return
    task, target = known
    if task != rows.task or target.lower() != request.roles.target.lower():
        raise InvalidArgument(
            f"model {request.model!r} predicts {target!r} ({task}), and this would predict {request.roles.target!r} "
            f"({rows.task}); those who read it would get other numbers. Train it under another name"
        )


def _refuse_hidden(engine: Engine, owner: Session, model: str) -> None:
    """A model that row-level security hides from the caller gets no version from the caller."""
    if known_task_and_target(engine, model) is None and known_task_and_target(owner, model) is not None:
        raise InvalidArgument(f"model => {model!r} is taken, by a model that you may not see; use another name")


def _fit(request: Request, data: Data, report: Report) -> Candidate:
    hyperparams = request.hyperparams
    trials: tuple[Trial, ...] = ()
    if request.search is not None:
        trials = run_search(
            request.algorithm,
            data.train,
            request.search,
            request.search_space,
            request.trials,
            hyperparams,
            request.preprocess,
            request.seed,
            data.split,
            request.test_size,
            lambda done, total: report("searching", done, total),
        )
        hyperparams = best(trials).hyperparams
    fitted = fit_model(
        request.algorithm,
        data.train,
        hyperparams,
        request.preprocess,
        request.seed,
        lambda done, total: report("training", done, total),
    )
    baseline = fit_model("baseline", data.train, {}, {}, request.seed)
    return Candidate(fitted, baseline, trials, best(trials).number if trials else None)


def _measure(engine: Engine, request: Request, data: Data, candidate: Candidate) -> Outcome:
    """The metrics of the candidate, and of its rivals on the same held-out rows."""
    model = candidate.fitted.model
    training, judged = judge_rows(model, data.train), judge_rows(model, data.test)
    with aside(lambda: summed(training), len(data.train)) as of_training:
        name, title = _BASELINE[data.rows.task]
        baseline = Rival(name, title, judge_rows(candidate.baseline.model, data.test), is_baseline=True)
        live = current(engine, request.model, CHAMPION)
        champion = Address(request.model, live["version"]) if live else None
        rivals = [baseline] if champion is None else [baseline, _champion(engine, champion, request, data)]
        decided = verdict(judged, rivals)
        held_out = [*measured(engine, judged, "test"), *decided.metrics]
    metrics = [*metrics_of(engine, of_training(), "train"), *held_out]
    for rival in rivals:
        metrics += measured(engine, rival.judged, rival.name) if rival.judged else []
    primary = primary_metric(data.rows.task)
    values = {metric.dataset: metric.value for metric in metrics if metric.metric == primary}
    return Outcome(
        judged, tuple(metrics), decided, champion.version if champion else None, values["test"], values[baseline.name]
    )


def judge_rows(model: Model, rows: Rows) -> Judged:
    """A model's answers on rows that hold its columns and its target."""
    output = model_outputs(model, rows)
    return Judged(model, rows.target, output.reshape(len(rows), -1), rows.weight)


def _champion(engine: Engine, address: Address, request: Request, data: Data) -> Rival:
    """The live version on the held-out rows."""
    champion = load_version(engine, address)
    title = f"champion {address}{_advantage(engine, address, request, data)}"
    if champion.model.classes != data.rows.classes:
        return Rival("champion", title, None, f"it knows the classes {', '.join(champion.model.classes)}")
    try:
        rows = data.table.take(pa.array(data.test.position)).to_struct_array().combine_chunks()
        output = champion.output(rows)
    except FeatureMismatch as error:
        return Rival("champion", title, None, error.message)
    return Rival("champion", title, Judged(champion.model, data.test.target, output, data.test.weight))


def _advantage(engine: Engine, champion: Address, request: Request, data: Data) -> str:
    """What a reader must know where the champion was split otherwise, and so may have learned from the rows held out.

    A random split goes by key and seed; with the same of both a row that one version holds out, the other does too.
    """
    known = facts(engine, champion)
    mine = (data.split, request.test_size, request.seed, data.rows.key is not None)
    its = (known["split"]["method"], known["split"]["test_size"], known["seed"], "key_column" in known["roles"])
    return "" if mine == its else " (which was split otherwise and may have learned from these rows)"


def _write_down(
    engine: Engine, run: Run, request: Request, data: Data, candidate: Candidate, outcome: Outcome, report: Report
) -> tuple[Address, bool, str]:
    """Write everything about a version in one transaction, and put it live where it has earned that."""
    report("writing", 0, 1)
    with engine.transaction() as owner:
        engine.lock(f"model {request.model}")
        _check_purpose(engine, request, data.rows)
        _refuse_hidden(engine, owner, request.model)
        deployed, reason = _decided(owner, request, outcome)
        version = next_version(owner, request.model)
        address = add_version(owner, _new_version(owner, run, request, data, candidate), version)
        compile_and_prove(owner, address, candidate.fitted.model, data.test.table)
        keep_reference(owner, address, outcome.judged, data.test.table, request.seed)
        add_metrics(owner, run, address.model, version, outcome.metrics)
        add_trials(owner, run, address, candidate.trials, candidate.chosen)
        finish_run(owner, run, address.model, version, rows_in=len(data.rows), rows_out=len(data.train))
        if deployed:
            go_live(owner, Run("deploy"), address, CHAMPION, "deploy", reason, parent=run.run_id)
        report("writing", 1, 1)
    return address, deployed, reason


def _decided(session: Session, request: Request, outcome: Outcome) -> tuple[bool, str]:
    """Whether the version goes live, and why; a version that went live meanwhile was not compared with."""
    found = outcome.verdict.reason
    if request.deploy != "gated":
        return request.deploy == "always", f"deploy => '{request.deploy}'; {found}"
    live = current(session, request.model, CHAMPION)
    if live is not None and live["version"] != outcome.champion:
        return False, f"{found}; but version {live['version']} went live during this training: train again"
    return outcome.verdict.passed, found


def _new_version(session: Session, run: Run, request: Request, data: Data, candidate: Candidate) -> NewVersion:
    roles = asdict(request.roles)
    return NewVersion(
        model=request.model,
        run_id=run.run_id,
        spec=candidate.fitted.model,
        target=request.roles.target,
        algorithm=request.algorithm,
        hyperparams=candidate.fitted.hyperparams,
        preprocess=request.preprocess,
        split={"method": data.split, "test_size": request.test_size, "rows_test": len(data.test)},
        roles={name: value for name, value in roles.items() if value is not None and name != "features"},
        training_relation=request.relation,
        training_sql=data.sql,
        dataset_digest=dataset_digest(data.rows),
        rows_trained=len(data.train),
        seed=request.seed,
        library_versions={name: installed_version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        notes=(*data.rows.notes, *candidate.fitted.notes),
        created_at=utc_now(),
        created_by=session.actor(),
    )


_BASELINE = {
    "binary": ("majority", "the majority class"),
    "multiclass": ("majority", "the majority class"),
    "regression": ("mean", "the mean"),
}
"""By task, the dataset of the baseline in ``sqlml.metric`` and its name for a person."""
