"""Work on columns, dealt out to as many threads as there are processors for this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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
