"""The shop's database, its users, and workers that are real processes."""

import json
import os
import signal
import subprocess
import sysconfig
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from postgres import PostgresServer, name_of

from sqlml.engine.postgres.client import opened
from sqlml.install import install
from sqlml.worker import Settings, serve

ANN, BEN, CY, AUDITOR, WORKER = (f"sqlml_shop_{name}" for name in ("ann", "ben", "cy", "auditor", "worker"))
STALLED_AFTER = 1.0

SETUP = f"""
DO $$
DECLARE
  each record;
BEGIN
  FOR each IN VALUES ('{ANN}', 'sqlml_trainer'), ('{BEN}', 'sqlml_trainer'), ('{CY}', 'sqlml_trainer'),
                     ('{AUDITOR}', 'sqlml_auditor'), ('{WORKER}', 'sqlml_owner') LOOP
    IF to_regrole(each.column1) IS NULL THEN
      EXECUTE format('CREATE ROLE %I LOGIN', each.column1);
    END IF;
    EXECUTE format('GRANT %I TO %I', each.column2, each.column1);
  END LOOP;
END
$$;
ALTER ROLE {WORKER} NOINHERIT;
GRANT {ANN}, {BEN} TO {WORKER};
CREATE SCHEMA shop AUTHORIZATION {ANN};
CREATE SCHEMA lure AUTHORIZATION {ANN};
SET ROLE {ANN};
CREATE TABLE shop.payment AS
SELECT i AS payment_id, (i * 17) % 49 AS amount, (i * 31) % 20 AS visits, (i * 31) % 20 < 6 OR i % 17 = 0 AS refunded
FROM generate_series(1, 400) AS given(i);
RESET ROLE;
"""

RESET = f"""
TRUNCATE sqlml.job, sqlml.run, sqlml.check_definition, sqlml.check_result;
TRUNCATE sqlml_queue.procrastinate_jobs, sqlml_queue.procrastinate_workers CASCADE;
REVOKE ALL ON SCHEMA shop FROM {BEN};
DROP FUNCTION IF EXISTS shop.ask();
DROP TABLE IF EXISTS shop.plain;
DELETE FROM sqlml.migration WHERE migration = 'ours';
"""

SUITE = '[{"check": "not_null", "column": "amount"}]'
CHECK = "CALL sqlml.run_verb(%s, %s, %s, NULL, wait => %s)"


@dataclass(frozen=True)
class Shop:
    """A database of the test server. ``url`` is for a user, ``rows`` runs statements as one and gives the last rows."""

    server: PostgresServer
    database: str

    def url(self, user: str | None = None) -> str:
        return self.server.url_of(self.database, user)

    def rows(self, user: str | None, *statements: str, **options: object) -> list[tuple]:
        with psycopg.connect(self.url(user), autocommit=True, **options) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def ask(self, user: str, relation: str = "shop.payment", verb: str = "check", **arguments: object) -> str:
        """The run of a job that was put into the queue; by default a check of the payments."""
        given = {"relation": relation, **(arguments or {"suite": SUITE})}
        with psycopg.connect(self.url(user), autocommit=True) as connection:
            row = connection.execute(CHECK, (verb, json.dumps(given), "worker", False)).fetchone()
        return row[0]["run_id"]

    def job(self, run_id: str, *columns: str) -> tuple:
        names = ", ".join(columns or ("status", "error_code", "error"))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            return connection.execute(f"SELECT {names} FROM sqlml.job WHERE run_id = %s", (run_id,)).fetchone()

    def wait(self, run_id: str, *statuses: str, seconds: float = 15.0) -> float:
        """Wait for a status of a job; gives how long that took."""
        began = time.monotonic()
        while self.job(run_id, "status")[0] not in statuses:
            assert time.monotonic() < began + seconds, self.job(run_id)
            time.sleep(0.02)
        return time.monotonic() - began

    def drain(self, **options: object) -> int:
        """Let a worker in this process do what is queued; gives its exit code."""
        return serve(Settings(self.url(WORKER), drain=True, stalled_after=STALLED_AFTER, **options))

    @contextmanager
    def worker(self, *options: str, user: str = WORKER):
        """A worker in a process of its own, killed at the end."""
        command = [
            Path(sysconfig.get_path("scripts")) / "sqlml",
            "worker",
            "--stalled-after",
            str(STALLED_AFTER),
            *options,
        ]
        environment = {**os.environ, "SQLML_TARGET": self.url(user)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = Worker(subprocess.Popen(command, env=environment, **pipes))
        try:
            yield process
        finally:
            process.end(signal.SIGKILL)


@contextmanager
def made_shop(server: PostgresServer):
    """A new database with the shop in it, and without Python in the server."""
    with server.database() as url:
        with opened(url) as engine:
            install(engine, level="plain")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SETUP)
        yield Shop(server, name_of(url))


@dataclass
class Worker:
    """A process, and what it has printed."""

    process: subprocess.Popen
    lines: list[str] = field(default_factory=list)

    def __post_init__(self):
        self._reading = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self._reading.start()

    def end(self, number: int) -> int:
        """Send a signal where it still runs; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self._reading.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@contextmanager
def called(shop: Shop, user: str, *statements: str):
    """A statement that waits for the worker, on a thread; the context gives a list for its rows, or its error."""
    outcome: list[object] = []

    def call():
        try:
            outcome.extend(shop.rows(user, *statements))
        except psycopg.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    yield outcome
    thread.join(timeout=30)
    assert not thread.is_alive()
