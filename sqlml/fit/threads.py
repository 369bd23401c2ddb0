"""Work on columns, dealt out to as many threads as there are processors for this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import joblib  # type: ignore[import-untyped]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MANY_ROWS = 100_000
"""Fewer rows are not worth a second thread."""


@cache
def allowed_threads() -> int:
    """How many processors this process may use, by its machine and by its container."""
    return int(joblib.cpu_count())


def by_column(work: Callable[[Item], Answer], columns: Iterable[Item], rows: int) -> list[Answer]:
    """What ``work`` gives for each column, in order; it should spend its time where Python lets other threads run.

    >>> by_column(len, [[1, 2], [3]], rows=2)
    [2, 1]
    """
    if rows < MANY_ROWS or allowed_threads() < 2:
        return [work(column) for column in columns]
    with ThreadPoolExecutor(allowed_threads()) as threads:
        return list(threads.map(work, columns))


@contextmanager
def aside(work: Callable[[], Answer], rows: int) -> Iterator[Callable[[], Answer]]:
    """Have something worked out on a thread of its own meanwhile; what is given waits for it and gives its answer.

    Of few rows it is worked out when it is asked for.

    >>> with aside(lambda: 1 + 1, rows=2) as answer:
    ...     answer()
    2
    """
    if rows < MANY_ROWS or allowed_threads() < 2:
        yield work
        return
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(work).result
