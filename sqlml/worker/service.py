"""The process of a worker: from its start to its end, over lost connections and signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

from procrastinate.exceptions import ConnectorException

from sqlml.errors import EngineError
from sqlml.worker.attempt import introduced, perform
from sqlml.worker.attempts import Attempts
from sqlml.worker.log import logger
from sqlml.worker.queue import Queue
from sqlml.worker.settings import Settings

JOB_FAILED = 3
_LONGEST_PAUSE = 15.0
_LAST_SECONDS = 5.0
_AGAIN_SECONDS = 0.1


def serve(settings: Settings) -> int:
    """Do jobs until told to stop by SIGTERM or Ctrl-C, or until none is left where the queue is to be drained.

    A worker that is told to stop takes no more jobs, and gives what it does the time of ``settings.grace``. What is
    not done by then, or when it is told again, goes back into the queue. A database that is lost is waited for, but
    not where the queue is to be drained.

    Returns
    -------
    int
        0, or 3 where the queue was drained and a job failed.

    Raises
    ------
    EngineError
        Where the database cannot be reached, or is lost while the queue is drained.
    InstallError, JobError
        Where it has no sqlml, or the login lacks a right that a worker needs.
    """
    worker = introduced(settings.target)
    attempts = Attempts()
    asyncio.run(_Service(settings, attempts, worker).run())
    logger.info("stopped")
    return JOB_FAILED if settings.drain and attempts.failed else 0


class _Service:
    def __init__(self, settings: Settings, attempts: Attempts, worker: str) -> None:
        self._settings = settings
        self._attempts = attempts
        self._queue = Queue(settings, partial(perform, settings.target, worker, attempts))
        self._stopping = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work, and begin again where the database was lost, until told to stop or until the queue is drained."""
        # What goes wrong with a job is said where it does; asyncio would say it once more.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        pause = 1.0
        with _signals(self._stop):
            while True:
                began = asyncio.get_running_loop().time()
                reason = await self._work()
                if self._stopping.is_set() or (self._settings.drain and reason is None):
                    return
                if self._settings.drain:
                    raise EngineError(f"the database is lost: {reason}. What is queued stays so; run the worker again")
                if asyncio.get_running_loop().time() - began > 4 * _LONGEST_PAUSE:
                    pause = 1.0
                logger.info("the database is lost: %s; connecting again in %.0f s", reason, pause)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _work(self) -> str | None:
        """Do jobs; gives why that ended where it was by no wish of ours."""
        lost, self._attempts.lost = self._attempts.lost, []
        try:
            await self._queue.work(lost)
        except ConnectorException as error:
            # Told again with the next connection: who has been told that already looks at the number of the attempt.
            self._attempts.lost[:0] = lost
            return " ".join(str(error.__cause__ or error).split())
        if self._stopping.is_set() or self._settings.drain:
            return None
        return "the worker could not say that it is there"

    def _stop(self) -> None:
        """What a signal asks for: the first to stop, the second to do so now."""
        if self._ending is None:
            running = len(self._attempts.running)
            doing = f", with {self._settings.grace:.0f} s for {running} jobs under way" if running else ""
            logger.info("told to stop: taking no more jobs%s", doing)
            self._stopping.set()
            self._queue.stop()
            self._ending = asyncio.get_running_loop().create_task(self._end(self._settings.grace))
        else:
            self._ending.cancel()
            self._ending = asyncio.get_running_loop().create_task(self._end(0))

    async def _end(self, grace: float) -> None:
        """End what is still under way after a time: in order, and if need be with the process."""
        await asyncio.sleep(grace)
        for _ in range(int(_LAST_SECONDS / _AGAIN_SECONDS)):
            # Once is not enough: it may meet the work between two statements, or before one has begun.
            self._attempts.end()
            await asyncio.sleep(_AGAIN_SECONDS)
        left = dict(self._attempts.running)
        with contextlib.suppress(ConnectorException):
            await asyncio.wait_for(self._queue.give_back(left), _LAST_SECONDS)
        for run_id in left:
            logger.info("run %s goes back into the queue", run_id)
        logger.info("stopped")
        # A thread at work in a library cannot be ended otherwise; what it had open in the database is rolled back.
        os._exit(0)


@contextlib.contextmanager
def _signals(stop: Any) -> Iterator[None]:
    """Call ``stop`` in the event loop for each SIGTERM and SIGINT; signals reach the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
