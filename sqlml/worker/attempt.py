"""One attempt at one job: take it, do it with the rights of who asked, and write down what came of it."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlml.engine import Engine
from sqlml.engine.postgres.client import postgres_engine
from sqlml.engine.postgres.confined import confined_engine, connected
from sqlml.errors import DatabaseLocked, EngineError, InstallError, InvalidArgument, JobError, SqlmlError
from sqlml.fit.names import unknown_name
from sqlml.install import pending_migrations
from sqlml.lifecycle.call import WRITING, call
from sqlml.registry.run import promised_run
from sqlml.worker.attempts import Attempts, GivenUp
from sqlml.worker.log import logger
from sqlml.worker.queue import GivenBack

# From PostgreSQL 16 on a member of a role may be one that cannot take it.
_LOGIN = """
SELECT current_database()::text, session_user::text, rolsuper, to_regnamespace('sqlml_queue') IS NOT NULL,
       CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END
FROM pg_catalog.pg_roles WHERE rolname = session_user
"""
_IS_OWNER = "SELECT pg_catalog.pg_has_role(session_user, 'sqlml_owner', $right_to_take)"
_ACTS_FOR = """
SELECT rolname::text FROM pg_catalog.pg_roles
WHERE pg_catalog.pg_has_role(session_user, oid, $right_to_take) AND rolname <> session_user AND NOT rolname ~ '^pg_'
  AND rolname !~ '^sqlml_(owner|reader|scorer|trainer|approver|deployer|auditor)$'
ORDER BY 1
"""
_TAKE = "SELECT attempt, verb, arguments::text, asked_by, search_path FROM sqlml.take_job($run_id, $worker, $worker_id)"
_REFUSED = "SELECT error_code, error FROM sqlml.job WHERE run_id = $run_id AND status = 'failed'"
_FINISH = "SELECT sqlml.finish_job($run_id, $attempt, $answer::jsonb)::text"
_FAIL = "SELECT sqlml.fail_job($run_id, $attempt, $code, $error)::text"
_GIVE_BACK = "SELECT sqlml.give_back_job($run_id, $attempt, $code, $error)::text"


@dataclass(frozen=True)
class Job:
    """A job as it was taken, for one attempt."""

    run_id: str
    attempt: int
    verb: str
    arguments: dict[str, Any]
    asked_by: str
    search_path: str

    def __str__(self) -> str:
        subject = self.arguments.get("model") or self.arguments.get("relation")
        return f"run {self.run_id}, {self.verb} of {subject!r} for {self.asked_by}"


def introduced(url: str) -> str:
    """Check that a login can be a worker; gives the name under which it works.

    Raises
    ------
    EngineError
        Where the server cannot be reached.
    InstallError
        Where the database has no sqlml, or an older one.
    JobError
        Where the login has too few rights, or too many.
    """
    with connected(url) as connection:
        engine = postgres_engine(connection, owner=None)
        ((database, login, is_superuser, has_queue, right_to_take),) = engine.rows(_LOGIN)
        right = {"right_to_take": right_to_take}
        if not has_queue:
            raise InstallError(f"database {database} has no sqlml; run sqlml install on it")
        if is_superuser:
            raise JobError(
                f"the worker logs in as {login}, a superuser, and needs less: CREATE ROLE sqlml_worker LOGIN; "
                "GRANT sqlml_owner TO sqlml_worker; and GRANT it each role for which it shall work"
            )
        if not engine.rows(_IS_OWNER, right)[0][0]:
            raise JobError(
                f"the worker logs in as {login}, which may not write down what it does: GRANT sqlml_owner TO {login}"
            )
        pending = pending_migrations(postgres_engine(connection, caller="sqlml_owner"))
        if pending:
            raise InstallError(f"database {database} lacks {pending[0].name}; run sqlml install on it")
        roles = ", ".join(role for (role,) in engine.rows(_ACTS_FOR, right))
    logger.info("worker started on database %s as %s, for %s", database, login, roles or "no role yet")
    return f"{login}@{socket.gethostname()}:{os.getpid()}"


def perform(url: str, worker: str, attempts: Attempts, run_id: str, worker_id: int) -> None:
    """Do one job, as far as there is something to do, and write down what came of it.

    Raises
    ------
    GivenBack
        Where it is to be done again: it was told to end, the database was lost, or another job was in its way.
    """
    job = None
    try:
        with connected(url) as connection:
            job = _taken(connection, run_id, worker, worker_id, attempts)
            if job is not None:
                with attempts.under_way(run_id, job.attempt, connection.cancel):
                    _run(connection, job, attempts)
    except SqlmlError as error:
        if job is not None:
            _give_back(url, job, error, attempts)
            logger.info("%s: goes back into the queue; %s", job, error.message)
        raise GivenBack from error


def _taken(connection: Any, run_id: str, worker: str, worker_id: int, attempts: Attempts) -> Job | None:
    """The job, where there is something to do."""
    parameters = {"run_id": run_id, "worker": worker, "worker_id": worker_id}
    found = _as_owner(connection, _TAKE, parameters)
    if found:
        attempt, verb, arguments, asked_by, search_path = found[0]
        job = Job(run_id, attempt, verb, json.loads(arguments), asked_by, search_path)
        logger.info("%s: begins attempt %d", job, attempt)
        return job
    for code, error in _as_owner(connection, _REFUSED, {"run_id": run_id}):
        attempts.failed += 1
        logger.info("run %s: failed: %s %s", run_id, code, error)
    return None


def _run(connection: Any, job: Job, attempts: Attempts) -> None:
    """Do a job and write down what came of it, an error too.

    Raises
    ------
    SqlmlError
        Where nothing could be written down, or nothing should be.
    """
    began = time.perf_counter()
    try:
        with confined_engine(connection, job.asked_by, job.search_path) as engine, promised_run(job.run_id):
            answer = _answer(engine, job, attempts)
            with engine.transaction() as owner:
                owner.rows(_FINISH, {"run_id": job.run_id, "attempt": job.attempt, "answer": answer})
    except SqlmlError as error:
        if connection.closed or attempts.ended.is_set() or isinstance(error, DatabaseLocked):
            raise
        parameters = {"run_id": job.run_id, "attempt": job.attempt, "code": error.code, "error": error.message}
        _as_owner(connection, _FAIL, parameters)
        attempts.failed += 1
        logger.info("%s: failed after %.1f s: %s", job, time.perf_counter() - began, error)
    else:
        logger.info("%s: succeeded after %.1f s", job, time.perf_counter() - began)


def _answer(engine: Engine, job: Job, attempts: Attempts) -> str:
    if job.verb not in WRITING:
        raise InvalidArgument(f"sqlml.{job.verb} is nothing that a worker does; {unknown_name(job.verb, WRITING)}")
    arguments = {name: "auto" if name == "runtime" else value for name, value in job.arguments.items()}
    return call(engine, job.verb, json.dumps(arguments), attempts.report)


def _give_back(url: str, job: Job, error: SqlmlError, attempts: Attempts) -> None:
    """Let a job wait again; where the database cannot be asked now, that is done once it can."""
    given_up = GivenUp(job.run_id, job.attempt, error.code, error.message)
    if attempts.ended.is_set():
        given_up = GivenUp(job.run_id, job.attempt)
    try:
        with connected(url) as connection:
            _as_owner(connection, _GIVE_BACK, asdict(given_up))
    except EngineError:
        attempts.lost.append(given_up)


def _as_owner(connection: Any, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with postgres_engine(connection).transaction() as owner:
        return owner.rows(sql, parameters)
