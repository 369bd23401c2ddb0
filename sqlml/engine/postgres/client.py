"""PostgreSQL from outside, over psycopg."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus, TransactionStatus

from sqlml.engine.postgres.engine import PostgresEngine
from sqlml.engine.postgres.errors import error_of
from sqlml.engine.postgres.parameters import numbered
from sqlml.engine.postgres.relation import without_rows
from sqlml.engine.postgres.settings import FROM_OUTSIDE, OWN_SESSION, SET, as_json
from sqlml.engine.postgres.values import number
from sqlml.engine.protocol import Parameters
from sqlml.errors import EngineError

OWNER = "sqlml_owner"
"""The role that owns the metadata tables."""

OWNER_PATH = "pg_catalog, sqlml, pg_temp"
"""Where the owner's statements look for names: nowhere where somebody else could have put something."""

SYSTEM_PATH = "pg_catalog, pg_temp"
"""A search path for statements that name everything else by its schema."""


@contextmanager
def opened(
    url: str, caller: str | None = None, owner: str | None = OWNER, path: str | None = None
) -> Iterator[PostgresEngine]:
    """An engine on a connection of its own; see :func:`postgres_engine`. ``path`` is the search path of its session.

    Raises
    ------
    EngineError
        Where the server cannot be reached, or refuses the login.
    """
    with new_connection(url, "sqlml") as connection:
        if path is not None:
            set_path(connection, path)
        yield postgres_engine(connection, caller, owner)


@contextmanager
def new_connection(url: str, application: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement; its transactions see what is committed before each of theirs.

    Raises
    ------
    EngineError
        Where the server cannot be reached, or refuses the login.
    """
    with wrapped_errors():
        given = connection_string(url)
        connection = psycopg.connect(given, autocommit=True, prepare_threshold=None, application_name=application)
    with connection:
        with wrapped_errors():
            psycopg.RawCursor(connection).execute(SET.encode(), (as_json(OWN_SESSION), False))
        yield connection


CONNECTION = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A connection that is silent for long is kept open by signs of life, and a lost one noticed within about a minute."""


def connection_string(url: str) -> str:
    """A URL, or a connection string, with :data:`CONNECTION` for what it leaves open.

    >>> conninfo_to_dict(connection_string("postgresql://ann@db/shop?keepalives_idle=5"))["keepalives_idle"]
    '5'
    """
    known = conninfo_to_dict(url).keys() | ({"connect_timeout"} if "PGCONNECT_TIMEOUT" in os.environ else set())
    return make_conninfo(url, **{name: value for name, value in CONNECTION.items() if name not in known})


def set_path(connection: psycopg.Connection[Any], path: str) -> None:
    """Have the statements of a session look for names here, whatever its login prefers."""
    with wrapped_errors():
        connection.execute("SELECT pg_catalog.set_config('search_path', %s, false)", (path,))


def database_of(url: str) -> str:
    """The database that a URL names and where it is, without the password, as it may be shown.

    Raises
    ------
    EngineError
        Where the text is no URL; it is not repeated, as it may hold a password.

    >>> database_of("postgresql://ann:secret@db.example.com:5433/shop")
    'shop on db.example.com:5433'
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise EngineError(
            "the target is no connection URL; write postgresql://user@host:port/database (what was given may hold a "
            "password and is not shown)"
        ) from None
    database = parts.get("dbname") or parts.get("user") or "the default database"
    host = str(parts.get("host") or parts.get("hostaddr") or "the local server")
    return f"{database} on {host}" + (f":{parts['port']}" if parts.get("port") else "")


def postgres_engine(
    connection: psycopg.Connection[Any], caller: str | None = None, owner: str | None = OWNER
) -> PostgresEngine:
    """An engine on a connection, which should commit each statement by itself (``autocommit``).

    The caller's statements run as role ``caller``, by default as whoever the connection is now; those of the session
    that ``transaction()`` gives run as ``owner``, or as the connection itself where that is None. The login must be a
    member of both.

    A role that is taken this way can be put off again: code of the caller's, such as a function that a relation
    calls, can take any role of which the *login* is a member. So use ``caller`` only for one whose code may do
    all that the login may.
    """
    with wrapped_errors():
        cursor = typed_cursor(connection)
        login, role, taken, path = cursor.execute(_WHO).fetchone() or ("", "", "", "")
    switch = None if owner is None and caller is None else Switch(connection)
    asking = caller or role
    callers = PsycopgStatements(cursor, switch, Rights(caller or taken, path))
    owners = PsycopgStatements(cursor, switch, Rights(owner or taken, OWNER_PATH if owner else path))
    actor = asking if asking == login or caller else f"{login} as {asking}"
    return PostgresEngine(callers, owners, lambda: transaction(callers, switch), actor)


def typed_cursor(connection: psycopg.Connection[Any]) -> psycopg.RawCursor[Any]:
    """A cursor that gives values as all engines do: JSON as text, a NUMERIC as an int or a float.

    The connection is set to what that takes, and to what our statements mean, whatever its user prefers.
    """
    cursor = psycopg.RawCursor(connection)
    cursor.execute(SET.encode(), (as_json(FROM_OUTSIDE), False))
    for name in ("json", "jsonb", "uuid", "xml"):
        cursor.adapters.register_loader(name, _Text)
    cursor.adapters.register_loader("numeric", _Number)
    return cursor


# Every name has its schema: a session may have been left with a search path that leads elsewhere.
_WHO = """
SELECT session_user::pg_catalog.text, current_user::pg_catalog.text,
       pg_catalog.current_setting('role'), pg_catalog.current_setting('search_path')
"""
_TAKE = """
SELECT pg_catalog.set_config('role', $1, true), pg_catalog.set_config('search_path', $2, true),
       pg_catalog.set_config('standard_conforming_strings', 'on', true),
       pg_catalog.set_config('client_encoding', 'UTF8', true)
"""


class _Text(Loader):
    """A value as the text that the server writes."""

    def load(self, data: Buffer) -> str:
        return str(bytes(data), "utf-8")


class _Number(Loader):
    """A NUMERIC as an int or a float."""

    def load(self, data: Buffer) -> int | float:
        return number(str(bytes(data), "ascii"))


@dataclass(frozen=True)
class Rights:
    """A role, and the search path along which its statements look for names."""

    role: str
    path: str


class Switch:
    """Who the connection is for the rest of its transaction; None where no role was taken in it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._now: Rights | None = None

    def to(self, rights: Rights) -> None:
        """Take these rights until the end of the transaction."""
        if self._now != rights:
            self.forget()
            psycopg.RawCursor(self._connection).execute(_TAKE, (rights.role, rights.path))
            self._now = rights

    def forget(self) -> None:
        """Take rights anew before the next statement: a transaction has begun or ended, or a script has run."""
        self._now = None


@contextmanager
def transaction(callers: PsycopgStatements, switch: Switch | None) -> Iterator[None]:
    """A transaction in which the caller's and the owner's statements take turns."""
    with wrapped_errors():
        forget: Callable[[], None] = switch.forget if switch else lambda: None
        try:
            with callers.connection.transaction():
                forget()
                yield
                # What was put off to the end of the transaction is the caller's, and runs with the caller's rights.
                callers.take_rights()
        finally:
            forget()


class PsycopgStatements:
    """Statements on one connection with one set of rights; see :class:`sqlml.engine.postgres.statements.Statements`."""

    def __init__(self, cursor: psycopg.RawCursor[Any], switch: Switch | None, rights: Rights) -> None:
        self.connection: psycopg.Connection[Any] = cursor.connection
        self._cursor = cursor
        self._switch = switch
        self._rights = rights

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""
        with self._with_rights():
            self._execute(sql, parameters)
            return self._cursor.fetchall() if self._cursor.description else []

    def cells(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, bytes as they are."""
        with self._with_rights():
            self._execute(sql, parameters, binary=True)
            return self._cursor.fetchall()

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""
        with self._with_rights():
            self._execute(sql, parameters)
            return max(self._cursor.rowcount, 0)

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The columns of a SELECT, which is not run."""
        with self._with_rights():
            self._execute(without_rows(sql), parameters)
            result = self._cursor.pgresult
            if result is None:
                return []
            names = [(result.fname(index) or b"").decode() for index in range(result.nfields)]
            return [(name, result.ftype(index), result.fmod(index)) for index, name in enumerate(names)]

    def parse(self, sql: str) -> None:
        """Refuse a text that is not one statement without parameters."""
        with self._with_rights():
            pgconn = self.connection.pgconn
            result = pgconn.prepare(b"", sql.encode())
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
            if pgconn.describe_prepared(b"").nparams:
                raise EngineError("it has parameters, which nobody fills in")

    def script(self, sql: str) -> None:
        """Run the statements of a text, in one transaction."""
        with self._with_rights():
            self._cursor.execute(sql.encode(), prepare=False)
            if self._switch is not None:
                self._switch.forget()

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""
        with self._with_rights():
            self._cursor.execute(sql.encode(), texts, prepare=False)

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """Give parts to a COPY ... FROM STDIN."""
        with self._with_rights(), self._cursor.copy(sql.encode()) as copy:
            for part in parts:
                copy.write(memoryview(part))
        return True

    def is_usable(self) -> bool:
        """Whether a statement can be run."""
        status = self.connection.info.transaction_status
        return status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)

    def take_rights(self) -> None:
        """Take the rights of these statements for the rest of the transaction."""
        if self._switch is not None:
            self._switch.to(self._rights)

    def _execute(self, sql: str, parameters: Parameters | None, binary: bool = False) -> None:
        text, values = numbered(sql, parameters or {})
        self._cursor.execute(text.encode(), values or None, prepare=False, binary=binary)

    @contextmanager
    def _with_rights(self) -> Iterator[None]:
        """Run statements with these rights; outside of a transaction in a short one, which ends with them."""
        is_alone = self.connection.info.transaction_status == TransactionStatus.IDLE
        with wrapped_errors():
            if self._switch is None:
                yield
            elif not is_alone:
                self._switch.to(self._rights)
                yield
            else:
                with transaction(self, self._switch):
                    self._switch.to(self._rights)
                    yield


@contextmanager
def wrapped_errors() -> Iterator[None]:
    """Raise a driver's error as one of our tree."""
    try:
        yield
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).strip() or type(error).__name__
        hint = f". {error.diag.message_hint}" if error.diag.message_hint else ""
        raise error_of(error.sqlstate, said + hint, error.diag.schema_name) from error
