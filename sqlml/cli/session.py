"""An open database for as long as a command needs it, closed on every way out."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlml.cli.failure import Interrupted

if TYPE_CHECKING:
    from sqlml.engine.duckdb import DuckDBEngine
    from sqlml.engine.duckdb_connection import Connection

_END = b"\xff"
_AGAIN_SECONDS = 0.05
_RUNS = "SELECT count(*) FROM sqlml.run"


@contextmanager
def connected(file: str, read_only: bool = False) -> Iterator[Connection]:
    """A connection on which all of sqlml works; the file is created or brought up to date where it must be."""
    import sqlml

    with sqlml.connect(file, read_only=read_only) as connection:
        yield connection


@contextmanager
def engine_on(file: str) -> Iterator[tuple[DuckDBEngine, Connection]]:
    """An engine for one use case, and its connection; Ctrl-C ends it, and says what became of the work."""
    from sqlml.engine.duckdb import DuckDBEngine

    with connected(file) as connection:
        engine = DuckDBEngine(connection)
        before = engine.rows(_RUNS)
        try:
            with interruptible(connection):
                yield engine, connection
        except KeyboardInterrupt as error:
            # A use case and its run are written in one transaction.
            done = "it was done already" if engine.rows(_RUNS) != before else "nothing was changed"
            raise Interrupted(f"interrupted; {done}") from error


@contextmanager
def inspected(file: str) -> Iterator[tuple[DuckDBEngine, Connection]]:
    """An engine and its connection on a file that is opened read-only and seen as it is, up to date or not."""
    from sqlml.engine.duckdb import DuckDBEngine
    from sqlml.engine.duckdb_connection import open_connection

    with open_connection(file, True, {}, lambda _: None) as connection, interruptible(connection):
        yield DuckDBEngine(connection), connection


@contextmanager
def interruptible(connection: Connection) -> Iterator[None]:
    """Let Ctrl-C end a statement at once, and be a ``KeyboardInterrupt`` whatever the statement makes of it.

    Python runs its own handler of a signal only between two of its instructions, so a statement that is at work
    inside the database would go on. The signal is therefore also read from a socket, by a thread that interrupts
    the connection.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    interrupted = threading.Event()
    watching = threading.Thread(target=_watch, args=(reader, connection, interrupted), daemon=True)
    watching.start()
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def stop_watching() -> None:
        signal.set_wakeup_fd(before)
        writer.send(_END)
        watching.join()

    try:
        yield
    except Exception as error:
        stop_watching()
        if interrupted.is_set():
            raise KeyboardInterrupt from error
        raise
    except BaseException:
        stop_watching()
        raise
    else:
        stop_watching()
    finally:
        reader.close()
        writer.close()


def _watch(reader: socket.socket, connection: Connection, interrupted: threading.Event) -> None:
    """Interrupt the connection once a signal has come, and again until the end: the first may meet it between two
    statements, or before the statement has begun.
    """
    received = b""
    while received not in (_END, b"end of file"):
        try:
            received = reader.recv(1) or b"end of file"
        except TimeoutError:
            connection.interrupt()
            continue
        if received[0] == signal.SIGINT:
            interrupted.set()
            connection.interrupt()
            reader.settimeout(_AGAIN_SECONDS)


def exists(file: str) -> bool:
    """Whether there is a database to open: a file, or one in memory, which is always new."""
    return file.startswith(":memory:") or os.path.exists(file)
