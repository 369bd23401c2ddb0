"""The attempts that are under way in this process, each on its thread, and how they are ended early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class Interrupted(Exception):
    """The work was ended from outside, at the next step that it reported."""


@dataclass(frozen=True)
class GivenUp:
    """An attempt that ended before its time: with the error, where it was ended by one."""

    run_id: str
    attempt: int
    code: str | None = None
    error: str | None = None


@dataclass
class Attempts:
    """By run the number of each attempt under way. What was given up while the database was lost is in ``lost``."""

    ended: threading.Event = field(default_factory=threading.Event)
    running: dict[str, int] = field(default_factory=dict)
    lost: list[GivenUp] = field(default_factory=list)
    failed: int = 0
    _interrupts: dict[str, Callable[[], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def under_way(self, run_id: str, attempt: int, interrupt: Callable[[], None]) -> Iterator[None]:
        """List an attempt; ``interrupt`` ends what it does in the database, and may be called from another thread."""
        with self._lock:
            self.running[run_id] = attempt
            self._interrupts[run_id] = interrupt
        try:
            yield
        finally:
            with self._lock:
                self.running.pop(run_id, None)
                self._interrupts.pop(run_id, None)

    def end(self) -> None:
        """End all attempts, as far as they can be ended: at their next step, or in the statement that they wait for."""
        self.ended.set()
        with self._lock:
            interrupts = list(self._interrupts.values())
        for interrupt in interrupts:
            interrupt()

    def report(self, _stage: str, _done: int, _total: int) -> None:
        """Called at each step of the work.

        Raises
        ------
        Interrupted
            Where it is to end.
        """
        if self.ended.is_set():
            raise Interrupted
