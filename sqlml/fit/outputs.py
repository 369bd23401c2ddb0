"""What a fitted model answers on rows: the way from fitting to the kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sqlml.fit.rows import Rows
from sqlml.fit.threads import allowed_threads
from sqlml.kernel.scorer import scorer
from sqlml.spec import Model


def model_outputs(model: Model, rows: Rows) -> NDArray[np.float64]:
    """The outputs of a model on rows that have its columns.

    Shape (n,): the value of a regression or the probability of the positive class; of a multiclass model
    (n, K), one probability per class.
    """
    scoring = scorer(model)
    raw = scoring.raw(rows.matrix(model.features), allowed_threads())
    outputs = np.asarray(scoring.output(raw))
    return outputs if model.task == "multiclass" else outputs.reshape(len(rows))
