"""PostgreSQL from inside: the engine of a PL/Python function, in the transaction of whoever called it.

``plpy``, which only such a function has, is handed in. What the caller names is read and written with the rights under
which the function runs, which are the caller's. What sqlml itself writes down goes through ``sqlml.as_owner(token)``, a
function that runs with the rights of its owner: under a token that is good for one call it finds a Python function in
the memory of this process, where only trusted code can put one, and runs it. No text of SQL passes through it.
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa

from sqlml.engine.postgres.engine import PostgresEngine
from sqlml.engine.postgres.errors import CANCELLED as CANCELLED
from sqlml.engine.postgres.errors import error_of, sqlstate_of
from sqlml.engine.postgres.parameters import with_literals
from sqlml.engine.postgres.relation import renamed, without_rows
from sqlml.engine.postgres.settings import INSIDE, SET, as_json
from sqlml.engine.postgres.values import READERS
from sqlml.engine.protocol import Parameters
from sqlml.errors import EngineError

Answer = TypeVar("Answer")


class Cancelled(KeyboardInterrupt):
    """The statement was cancelled; nothing but the way out may follow."""


def plpython_engine(plpy: Any) -> PostgresEngine:
    """The engine of the PL/Python function to which this ``plpy`` belongs."""
    callers = PlpyStatements(plpy)
    ((login, role, strings),) = callers.run(
        "SELECT session_user::text, current_user::text, current_setting('standard_conforming_strings')"
    )
    if strings != "on":
        raise EngineError("SET standard_conforming_strings = on, which the SQL of sqlml needs, then try again")
    actor = login if login == role else f"{login} as {role}"
    return PostgresEngine(callers, OwnerStatements(callers), lambda: _subtransaction(plpy), actor)


# A style of dates has two parts, and the second, in which order a date is read, stays the caller's.
_OTHERWISE = """
SELECT key, pg_catalog.current_setting(key) FROM pg_catalog.json_each_text($settings::pg_catalog.json)
WHERE pg_catalog.split_part(pg_catalog.current_setting(key), ',', 1) <> value
"""


@contextmanager
def exact_texts(plpy: Any) -> Iterator[None]:
    """Have the server write values in the texts that we read, whatever the caller's session prefers.

    An error undoes it with the part of the transaction in which it is raised.
    """
    statements = PlpyStatements(plpy)
    before = dict(statements.run(_OTHERWISE, {"settings": as_json(INSIDE)}))
    _set(plpy, {name: INSIDE[name] for name in before})
    yield
    _set(plpy, before)


def _set(plpy: Any, settings: Mapping[str, str]) -> None:
    if settings:
        with _with_signals(plpy):
            plpy.execute(plpy.prepare(SET, ["text", "boolean"]), [as_json(settings), True])


@contextmanager
def _subtransaction(plpy: Any) -> Iterator[None]:
    """A part of the caller's transaction that is taken back alone where it fails."""
    with _wrapped_errors(plpy), plpy.subtransaction():
        yield


class PlpyStatements:
    """Statements of a PL/Python function; see :class:`sqlml.engine.postgres.statements.Statements`."""

    def __init__(self, plpy: Any) -> None:
        self.plpy = plpy

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""
        result = self._execute(self._with_names(self._text(sql, parameters)))
        if not _has_rows(result, self.plpy):
            return []
        names, readers = result.colnames(), [READERS.get(number) for number in result.coltypes()]
        return [
            tuple(
                value if read is None or value is None else read(value)
                for value, read in zip((row[name] for name in names), readers, strict=True)
            )
            for row in result
        ]

    def cells(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, bytes as they are."""
        result = self._execute(self._text(sql, parameters))
        return [tuple(map(row.get, result.colnames())) for row in result]

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""
        return int(self._execute(self._text(sql, parameters)).nrows())

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The columns of a SELECT, which is not run."""
        return self._described(self._text(sql, parameters))

    def parse(self, sql: str) -> None:
        """Refuse a text that is not complete on its own, or has parameters."""
        with _with_signals(self.plpy):
            self.plpy.prepare(sql)

    def script(self, sql: str) -> None:
        """Run the statements of a text."""
        self._execute(sql)

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""
        with _with_signals(self.plpy):
            self.plpy.execute(self.plpy.prepare(sql, ["text"] * len(texts)), list(texts))

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """A function has no COPY from its caller."""
        return False

    def is_usable(self) -> bool:
        """Every statement is a part of the transaction that fails alone."""
        return True

    def _execute(self, sql: str) -> Any:
        with _with_signals(self.plpy):
            return self.plpy.execute(sql)

    def _text(self, sql: str, parameters: Parameters | None) -> str:
        return with_literals(sql, parameters or {}, self._literal)

    def _literal(self, value: Any) -> str:
        """A value as the server reads it; a text has no type of its own, as a parameter has none."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int):
            return f"({value})"
        kind = next((sql for python, sql in _LITERALS.items() if isinstance(value, python)), None)
        text = str(value)
        if "\0" in text:
            raise EngineError("a text holds a NUL byte, which no text in PostgreSQL can; take it out with replace()")
        quoted = str(self.plpy.quote_literal(text))
        return quoted if kind is None else f"CAST({quoted} AS {kind})"

    def _with_names(self, sql: str) -> str:
        """A SELECT whose columns have names of their own, as rows come by name."""
        if not sql.lstrip(" \n(").upper().startswith(("SELECT", "WITH")):
            return sql
        try:
            names = [name for name, _, _ in self._described(sql)]
        except EngineError:
            # It is wrong, and says so when it is run; or it writes, and cannot stand where it is described.
            return sql
        return sql if len(set(names)) == len(names) else renamed(sql, len(names))

    def _described(self, sql: str) -> list[tuple[str, int, int]]:
        result = self._execute(without_rows(sql))
        return list(zip(result.colnames(), result.coltypes(), result.coltypmods(), strict=True))


_LITERALS: dict[type, str] = {
    float: "double precision",
    Decimal: "numeric",
    datetime: "timestamp",
    date: "date",
}


def _has_rows(result: Any, plpy: Any) -> bool:
    try:
        result.colnames()
    except plpy.Error:
        return False
    return True


@dataclass
class _Job:
    """What a definer's call is to do, and what came of it."""

    work: Callable[[], Any]
    answer: Any = None
    error: BaseException | None = None


_JOBS: dict[str, _Job] = {}


def run_as_owner(plpy: Any, token: str) -> None:
    """Do what waits under a token, once. This is the body of ``sqlml.as_owner(token)``, whose owner's rights it has.

    Raises
    ------
    plpy.Error
        Where nothing waits under the token, or the session reads strings in a way in which they could be left.
    """
    job = _JOBS.pop(token, None)
    if job is None:
        plpy.error("sqlml.as_owner is called by sqlml alone", sqlstate="42501")
    elif plpy.execute("SELECT current_setting('standard_conforming_strings') AS v")[0]["v"] != "on":
        plpy.error("standard_conforming_strings is off, and the SQL of sqlml needs it", sqlstate="42501")
    else:
        try:
            job.answer = job.work()
        except BaseException as error:
            job.error = error


class OwnerStatements:
    """The same statements with the rights of the owner of the metadata tables."""

    def __init__(self, callers: PlpyStatements) -> None:
        self._statements = callers

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""
        return self._as_owner(lambda: self._statements.run(sql, parameters))

    def cells(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, bytes as they are."""
        return self._as_owner(lambda: self._statements.cells(sql, parameters))

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""
        return self._as_owner(lambda: self._statements.count(sql, parameters))

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The columns of a SELECT, which is not run."""
        return self._as_owner(lambda: self._statements.described(sql, parameters))

    def parse(self, sql: str) -> None:
        """Refuse a text that is not complete on its own, or has parameters."""
        self._as_owner(lambda: self._statements.parse(sql))

    def script(self, sql: str) -> None:
        """Run the statements of a text."""
        self._as_owner(lambda: self._statements.script(sql))

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""
        self._as_owner(lambda: self._statements.with_texts(sql, texts))

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """A function has no COPY from its caller."""
        return False

    def is_usable(self) -> bool:
        """Every statement is a part of the transaction that fails alone."""
        return True

    def _as_owner(self, work: Callable[[], Answer]) -> Answer:
        plpy, token, job = self._statements.plpy, secrets.token_hex(16), _Job(work)
        _JOBS[token] = job
        try:
            with _with_signals(plpy):
                plpy.execute(plpy.prepare("SELECT sqlml.as_owner($1)", ["text"]), [token])
        finally:
            _JOBS.pop(token, None)
        if job.error is not None:
            raise job.error
        answer: Answer = job.answer
        return answer


SIGNALS = frozenset({signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
"""What the server sends to its processes. Its handlers must not run on a thread that a library has made."""


def refuse_cancelled(plpy: Any) -> None:
    """End a call that was cancelled: the server looks for that when a statement runs.

    Raises
    ------
    Cancelled
        Where the user or a timeout has cancelled the statement.
    """
    with _with_signals(plpy):
        plpy.execute("SELECT")


@contextmanager
def _with_signals(plpy: Any) -> Iterator[None]:
    """Let the server's signals in while it runs a statement, and raise its errors as those of our tree."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        with _wrapped_errors(plpy):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _wrapped_errors(plpy: Any) -> Iterator[None]:
    """Raise an error of a statement as one of our tree, and a cancelled one as what ends everything.

    Raises
    ------
    Cancelled
        Where the user or a timeout has cancelled the statement.
    """
    try:
        yield
    except plpy.SPIError as error:
        said = str(error.args[0]) if error.args else type(error).__name__
        number, _, hint, _, _, schema = (*(getattr(error, "spidata", None) or ()), *[None] * 6)[:6]
        sqlstate = sqlstate_of(number) if number else getattr(error, "sqlstate", None)
        if sqlstate == CANCELLED:
            raise Cancelled(said) from error
        raise error_of(sqlstate, f"{said}. {hint}" if hint else said, schema) from error
