"""The trials of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.fit.search import Trial
from sqlml.registry.model import Address
from sqlml.registry.run import Run


def add_trials(session: Session, run: Run, address: Address, trials: Sequence[Trial], chosen: int | None) -> None:
    """Write the trials of a search down, and which of them was taken."""
    if not trials:
        return
    rows = {
        "run_id": [run.run_id] * len(trials),
        "model": [address.model] * len(trials),
        "version": pa.array([address.version] * len(trials), pa.int32()),
        "trial": pa.array([trial.number for trial in trials], pa.int32()),
        "hyperparams": [json.dumps(trial.hyperparams, sort_keys=True) for trial in trials],
        "metric": [trial.metric for trial in trials],
        "value": [trial.value for trial in trials],
        "elapsed_seconds": [trial.elapsed_seconds for trial in trials],
        "chosen": [trial.number == chosen for trial in trials],
    }
    session.append(exp.table_("trial", db="sqlml"), pa.table(rows))
