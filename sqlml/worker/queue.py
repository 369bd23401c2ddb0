"""The queue in the database, which procrastinate keeps: what waits, who is at work, what a dead worker left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.worker import Worker

from sqlml.engine.postgres.client import connection_string
from sqlml.worker.attempts import GivenUp
from sqlml.worker.settings import Settings

QUEUE = "sqlml"
_REQUEUE_STALLED = "SELECT sqlml.requeue_stalled(%(seconds)s)"
_GIVE_BACK = "SELECT sqlml.give_back_job(%(run_id)s, %(attempt)s, %(code)s, %(error)s)"


class GivenBack(Exception):
    """A job is not done, through no fault of its own, and waits again."""


class _WaitAgain(BaseRetryStrategy):
    """Puts a job that was given back into the queue again, at once; nothing else is tried again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision() if isinstance(exception, GivenBack) else None


class Queue:
    """The queue of one database, as one worker sees it.

    ``perform`` does a job on a thread; it is given the run and the number of this worker in the queue.
    """

    def __init__(self, settings: Settings, perform: Callable[[str, int], None]) -> None:
        self._settings = settings
        # Not psycopg's default of waiting half a minute for a server that is gone.
        self._connector = PsycopgConnector(
            conninfo=connection_string(settings.target),
            min_size=2,
            max_size=4,
            timeout=5.0,
            configure=_as_owner,
            name="sqlml worker",
        )
        self._app = App(connector=self._connector)
        self._app.task(name=QUEUE, queue=QUEUE, retry=_WaitAgain(), pass_context=True)(_task(perform))
        self._worker: Worker | None = None
        self._stopped = False
        self._registered: int | None = None

    def stop(self) -> None:
        """Take no more jobs; :meth:`work` ends when those under way have."""
        self._stopped = True
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def work(self, lost: Sequence[GivenUp]) -> None:
        """Do jobs until told to stop, or, where the queue is to be drained, until none is left.

        Attempts that were ``lost`` with an earlier connection are given back first. Ends early, or raises
        ``ConnectorException``, where the database is lost.
        """
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._settings.concurrency))
        async with self._app.open_async():
            await self._take_up(lost)
            self._worker = self._new_worker()
            if self._stopped:
                return
            tending = asyncio.create_task(self._tend())
            try:
                await self._worker.run()  # type: ignore[no-untyped-call]
            finally:
                tending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await tending
                # Where it could not say good-bye, it is still listed.
                self._registered = self._worker.worker_id
                self._worker = None

    def _new_worker(self) -> Worker:
        return Worker(
            app=self._app,
            queues=[QUEUE],
            concurrency=self._settings.concurrency,
            wait=not self._settings.drain,
            fetch_job_polling_interval=self._settings.poll_every,
            # Whoever may connect to the database may NOTIFY, and what is not understood ends a listener.
            listen_notify=False,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            update_heartbeat_interval=self._settings.heartbeat_every,
            stalled_worker_timeout=self._settings.stalled_after,
        )

    async def _take_up(self, lost: Sequence[GivenUp]) -> None:
        """Put back what this worker lost with its last connection, and what others have left."""
        for each in lost:
            await self._connector.execute_query_async(_GIVE_BACK, **asdict(each))
        if self._registered is not None:
            await self._app.job_manager.unregister_worker(self._registered)
            self._registered = None
        await self._requeue_stalled()

    async def give_back(self, attempts: Mapping[str, int]) -> None:
        """Let jobs wait again, by run the attempt that is given up; without those to whom they were given."""
        for run_id, attempt in attempts.items():
            await self._connector.execute_query_async(_GIVE_BACK, **asdict(GivenUp(run_id, attempt)))
        for job in await self._app.job_manager.list_jobs_async(queue=QUEUE, status="doing"):
            if job.task_kwargs["run_id"] in attempts:
                with contextlib.suppress(ConnectorException):  # It has ended meanwhile.
                    await self._app.job_manager.retry_job(job)

    async def _tend(self) -> None:
        """Say that the worker is there, to its very end, and take up what others have left."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_every)
            with contextlib.suppress(ConnectorException):
                if self._worker is not None and self._worker.worker_id is not None:
                    await self._app.job_manager.update_heartbeat(self._worker.worker_id)
                await self._requeue_stalled()

    async def _requeue_stalled(self) -> None:
        await self._connector.execute_query_async(_REQUEUE_STALLED, seconds=self._settings.stalled_after)


def _task(perform: Callable[[str, int], None]) -> Callable[..., None]:
    def task(context: JobContext, run_id: str) -> None:
        perform(run_id, context.job.worker_id or 0)

    return task


async def _as_owner(connection: Any) -> None:
    """The queue belongs to sqlml_owner; the names in procrastinate's statements are found on the search path."""
    await connection.execute("SET ROLE sqlml_owner")
    await connection.execute("SET search_path = pg_catalog, sqlml_queue, pg_temp")
    await connection.execute("SET default_transaction_isolation = 'read committed'")
    await connection.execute("SET idle_session_timeout = 0")
    if not connection.autocommit:
        await connection.commit()
