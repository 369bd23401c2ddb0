"""From raw scores to outputs, and from outputs to classes and their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.errors import InvalidArgument
from sqlml.spec import Model

Doubles = NDArray[np.float64]


def identity(raw: Doubles) -> Doubles:
    """The raw scores themselves."""
    return raw


def logistic(raw: Doubles) -> Doubles:
    """``1 / (1 + exp(-raw))`` as LightGBM computes it; exactly 0 below -710, where ``exp`` leaves the doubles.

    >>> logistic(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.asarray(1.0 / (1.0 + _exp(-raw)))


def softmax(raw: Doubles) -> Doubles:
    """``exp(raw - max)`` over its sum, added up from the first output to the last.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        powers = _exp(raw - raw.max(axis=1, keepdims=True))
    total = powers[:, 0].copy()
    for output in range(1, raw.shape[1]):
        total += powers[:, output]
    return np.asarray(powers / total[:, None])


def exponential(raw: Doubles) -> Doubles:
    """``exp(raw)``; infinite above 709.78."""
    return _exp(raw)


def _exp(exponents: Doubles) -> Doubles:
    """The C library's ``exp``, as DuckDB and LightGBM call it; numpy's own differs from it in the last bit."""
    powers = pc.exp(pa.array(exponents.ravel())).to_numpy()
    return np.asarray(powers.reshape(exponents.shape))


LINKS: Mapping[str, Callable[[Doubles], Doubles]] = {
    "identity": identity,
    "logistic": logistic,
    "softmax": softmax,
    "exponential": exponential,
}
"""Every link of ``spec.LINKS``: raw scores of shape (n, outputs) to outputs of the same shape."""


def probabilities(model: Model, output: Doubles) -> Doubles:
    """The probability of every class, float64 of shape (n, classes), from outputs of shape (n, outputs).

    Raises
    ------
    InvalidArgument
        For a regression, which has no classes.
    """
    _refuse_regression(model)
    return np.hstack([1.0 - output, output]) if model.task == "binary" else output


def labels(model: Model, output: Doubles) -> NDArray[np.object_]:
    """The class of every row as text, shape (n,), from outputs of shape (n, outputs).

    Binary: the second class where its probability is above 0.5. Multiclass: the most probable, ties to the first.

    Raises
    ------
    InvalidArgument
        For a regression, which has no classes.
    """
    _refuse_regression(model)
    classes = np.array(model.classes, dtype=np.object_)
    chosen = (output[:, 0] > 0.5).astype(np.intp) if model.task == "binary" else output.argmax(axis=1)
    return np.asarray(classes[chosen])


def _refuse_regression(model: Model) -> None:
    if model.task == "regression":
        raise InvalidArgument("the model is a regression and has no classes; its output is the predicted value")
