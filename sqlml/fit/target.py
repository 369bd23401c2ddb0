"""What a model learns to answer: the task, and the target as values or class codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.chunks import EXACT
from sqlml.fit.names import unknown_name
from sqlml.kernel.arrow_types import is_text, logical_type, sql_name
from sqlml.kernel.doubles import doubles
from sqlml.spec import TASKS

MAX_CLASSES = 1_000


@dataclass(frozen=True)
class Target:
    """``values`` are those of a regression, or codes into ``classes``; see :class:`sqlml.fit.rows.Rows`."""

    task: str
    values: NDArray[np.float64]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def target_of(name: str, column: pa.Array, task: str) -> Target:
    """Read the target column.

    ``auto`` makes a boolean, a text or a number with two distinct values ``binary``, a text with more of them
    ``multiclass``, another number ``regression``. Classes are ``false``, ``true``; numbers in ascending order,
    whole ones without a decimal point; or texts in code point order.

    Raises
    ------
    InvalidArgument
        The task is unknown.
    InvalidData
        The column has NULL, NaN or infinite values, one value only, too many classes, or does not fit the task.
    """
    if task != "auto" and task not in TASKS:
        raise InvalidArgument(f"task {task!r} is unknown; {unknown_name(task, ('auto', *TASKS))}")
    kind = _kind(name, column.type)
    _refuse_null(name, column)
    classes: tuple[str, ...] = ()
    if kind == "text":
        values, classes = _text_classes(column)
    else:
        values = target_values(column, name)
    distinct = np.unique(values)
    if len(distinct) < 2:
        shown = classes[0] if classes else _label(distinct[0], kind)
        raise InvalidData(f"target {name!r} is {shown!r} in all {len(column)} rows; there is nothing to learn")
    chosen = _task(kind, len(distinct)) if task == "auto" else task
    _check_task(name, chosen, kind, distinct)
    if chosen == "regression":
        return Target(chosen, values, ())
    if kind != "text":
        values = np.searchsorted(distinct, values).astype(np.float64)
        classes = tuple(_label(value, kind) for value in distinct)
    return Target(chosen, values, classes, _notes(name, task, kind, classes))


def target_values(column: pa.Array, name: str) -> NDArray[np.float64]:
    """The values of a numeric or boolean target column, float64 of shape (n,).

    Raises
    ------
    InvalidData
        It is text or of another type, has NULL, NaN or infinite values, or integers that no double holds.
    """
    if _kind(name, column.type) == "text":
        raise InvalidData(f"target {name!r} is text, and a number is needed; CAST it to DOUBLE PRECISION")
    _refuse_null(name, column)
    values = doubles(column) + 0.0  # -0.0 becomes 0.0
    unusable = int((~np.isfinite(values)).sum())
    if unusable:
        raise InvalidData(
            f"target {name!r} is NaN or infinite in {unusable} of {len(values)} rows; leave them out with a WHERE"
        )
    if not pa.types.is_floating(column.type) and len(values) and np.abs(values).max() >= EXACT:
        raise InvalidData(
            f"target {name!r} has numbers from 2^53 on, which a double does not tell apart; CAST it to VARCHAR"
        )
    return values


def class_codes(column: pa.Array, classes: tuple[str, ...], name: str) -> NDArray[np.float64]:
    """The code of each value of a target column among the classes of a model, float64 of shape (n,).

    A value is compared by the label that it would have as a class, so ``1``, ``1.0`` and ``'1'`` are class ``1``.

    Raises
    ------
    InvalidData
        A value is NULL or no class of the model, or the type is none of a target.

    >>> class_codes(pa.array([1.0, 0.0]), ("0", "1"), "y").tolist()
    [1.0, 0.0]
    """
    kind = _kind(name, column.type)
    _refuse_null(name, column)
    if kind == "text":
        codes, labels = _text_classes(column)
    else:
        distinct, inverse = np.unique(target_values(column, name), return_inverse=True)
        codes, labels = inverse.astype(np.float64), tuple(_label(value, kind) for value in distinct)
    position = {label: float(code) for code, label in enumerate(classes)}
    for label in labels:
        if label not in position:
            raise InvalidData(
                f"target {name!r} has the value {label!r}, not a class of the model; {unknown_name(label, classes)}"
            )
    return np.array([position[label] for label in labels], dtype=np.float64)[codes.astype(np.int64)]


def _kind(name: str, kind: pa.DataType) -> str:
    """``text``, ``boolean`` or ``number``."""
    if is_text(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "boolean"
    if logical_type(kind) not in ("integer", "number", None):
        raise InvalidData(
            f"target {name!r} has type {sql_name(kind)}, neither boolean, number nor text; CAST it to one of them"
        )
    return "number"


def _refuse_null(name: str, column: pa.Array) -> None:
    if column.null_count:
        raise InvalidData(
            f"target {name!r} is NULL in {column.null_count} of {len(column)} rows; "
            f"leave them out with WHERE {name} IS NOT NULL"
        )


def _text_classes(column: pa.Array) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Codes in code point order of the distinct texts, and these."""
    encoded = pc.dictionary_encode(pc.cast(column, pa.large_string()))
    texts = encoded.dictionary.to_pylist()
    classes = sorted(texts)
    position = {text: code for code, text in enumerate(classes)}
    codes = np.array([position[text] for text in texts], dtype=np.float64)
    return codes[encoded.indices.to_numpy()], tuple(classes)


def _label(value: float, kind: str) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    return str(int(value)) if abs(value) < EXACT and value == int(value) else repr(float(value))


def _task(kind: str, distinct: int) -> str:
    if distinct == 2:
        return "binary"
    return "multiclass" if kind == "text" else "regression"


def _check_task(name: str, task: str, kind: str, distinct: NDArray[np.float64]) -> None:
    count = len(distinct)
    if task == "regression":
        if kind == "text":
            raise InvalidData(
                f"target {name!r} is text; a regression needs a number: CAST it, or take task 'multiclass'"
            )
    elif task == "binary" and count != 2:
        raise InvalidData(
            f"target {name!r} has {count} distinct values; task 'binary' needs two: take task "
            f"{'multiclass' if kind == 'text' else 'regression'!r}, or compare it with a limit in the relation"
        )
    elif count > MAX_CLASSES:
        raise InvalidData(
            f"target {name!r} has {count} distinct values, more than {MAX_CLASSES} classes; merge rare ones, or "
            "CAST it to a number and take task 'regression'"
        )
    elif task == "multiclass" and kind == "number" and (distinct != np.round(distinct)).any():
        raise InvalidData(
            f"target {name!r} has fractions; take task 'regression', or CAST it to VARCHAR to name classes"
        )


def _notes(name: str, asked: str, kind: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    if asked == "auto" and kind == "number" and len(classes) == 2:
        return (
            f"target {name!r} has the two values {classes[0]} and {classes[1]}, so the task is binary; "
            "task 'regression' would predict the number",
        )
    return ()
