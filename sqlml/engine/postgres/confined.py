"""A caller's statements on a connection that may do more than the caller: code of the caller's cannot get out.

``SET ROLE`` alone confines nobody. A SELECT can call a function, and a function can take any other role of which the
login is a member. So each statement of the caller runs inside of a function that belongs to the caller and runs with
its owner's rights: in there PostgreSQL refuses to change roles, however deep. The function is made anew for each
statement, as it is the caller's to alter. What could run when the transaction ends, and so outside, is closed or
refused.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql as composed
from psycopg.pq import TransactionStatus
from sqlglot import exp

from sqlml.engine.postgres.client import (
    OWNER,
    OWNER_PATH,
    SYSTEM_PATH,
    PsycopgStatements,
    Rights,
    Switch,
    new_connection,
    set_path,
    transaction,
    typed_cursor,
)
from sqlml.engine.postgres.engine import PostgresEngine
from sqlml.engine.postgres.parameters import with_literals
from sqlml.engine.postgres.relation import verbatim
from sqlml.engine.postgres.types import named_type
from sqlml.engine.protocol import Parameters
from sqlml.errors import EngineError

_ROWS = """
CREATE OR REPLACE FUNCTION pg_temp.sqlml_rows(statement pg_catalog.text) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY EXECUTE statement; END'
"""
_COUNT = """
CREATE OR REPLACE FUNCTION pg_temp.sqlml_count(statement pg_catalog.text, texts pg_catalog.text[])
RETURNS pg_catalog.int8 LANGUAGE plpgsql SECURITY DEFINER AS
'DECLARE n pg_catalog.int8; BEGIN EXECUTE statement USING texts; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END'
"""
_RUN = """
CREATE OR REPLACE FUNCTION pg_temp.sqlml_run(statement pg_catalog.text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE statement; END'
"""
_CALL_RUN = "SELECT pg_temp.sqlml_run($1::pg_catalog.text)"
_SELECT = re.compile(r"[\s(]*(SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)
_JSON, _TEXT = 114, 25
_EXPLAIN_JSON = re.compile(r"\s*EXPLAIN\s*[(]FORMAT JSON[)]")
_GIVES_TEXT = re.compile(r"\s*(EXPLAIN|SHOW)\b")
_TEXTS = ("text", "text[]")
_TYPES = """
SELECT pg_catalog.format_type(number, modifier)
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))
  AS given(number, modifier)
"""
# A foreign key and a unique constraint run no code of the caller's; a trigger, or an expression that is excluded, does.
_PUT_OFF = """
SELECT format('%s of table %s', tgname, tgrelid::regclass) FROM pg_trigger
WHERE tgdeferrable
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.oid = tgconstraint AND c.contype IN ('f', 'p', 'u'))
  AND (NOT current_setting('track_counts')::boolean
       OR pg_stat_get_xact_tuples_inserted(tgrelid) + pg_stat_get_xact_tuples_updated(tgrelid)
          + pg_stat_get_xact_tuples_deleted(tgrelid) > 0)
LIMIT 1
"""


class ConfinedStatements(PsycopgStatements):
    """Statements of a caller who is not trusted with the connection."""

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""
        with self._with_rights():
            return self._rows(sql, parameters)

    def cells(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, bytes as they are."""
        with self._with_rights():
            return self._rows(sql, parameters, binary=True)

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""
        with self._with_rights():
            return self._count(self._literal(sql, parameters), ())

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The columns of a SELECT, as its analysis tells, which runs nothing."""
        with self._with_rights():
            return self._described(self._literal(sql, parameters))

    def parse(self, sql: str) -> None:
        """Refuse a text that is not one statement: it is parsed, and not analysed, which could run code of its own."""
        super().parse(f"PREPARE sqlml_parsed AS {sql}")

    def script(self, sql: str) -> None:
        """Run the statements of a text, in one transaction."""
        self.count(sql)

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""
        names = {str(position + 1): f"($1)[{position + 1}]" for position in range(len(texts))}
        with self._with_rights():
            self._count(numbered_parts(sql, names), texts)

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """No function can take a COPY from its client."""
        return False

    def take_rights(self) -> None:
        """Take the rights of these statements for the end of the transaction, when none of theirs is left to run."""
        self._close()
        super().take_rights()

    @contextmanager
    def _with_rights(self) -> Iterator[None]:
        is_idle = self.connection.info.transaction_status == TransactionStatus.IDLE
        with super()._with_rights():
            yield
            if is_idle:
                self.take_rights()

    def _rows(self, sql: str, parameters: Parameters | None, binary: bool = False) -> list[tuple[Any, ...]]:
        statement = self._literal(sql, parameters)
        columns = self._described(statement)
        if not columns:
            self._count(statement, ())
            return []
        types = self._types(columns)
        if _SELECT.match(statement):
            statement = _without_domains(statement, types)
        self._cursor.execute(_ROWS.encode())
        self._cursor.execute(_call_rows(types).encode(), (statement,), binary=binary)
        return self._cursor.fetchall()

    def _count(self, statement: str, texts: Sequence[str]) -> int:
        self._cursor.execute(_COUNT.encode())
        counted = self._cursor.execute(_call_count(len(texts)).encode(), (statement, *texts)).fetchone()
        return int(counted[0]) if counted else 0

    def _described(self, statement: str) -> list[tuple[str, int, int]]:
        """What a statement gives; its analysis can run code of the caller's, such as the CHECK of a domain."""
        if not _SELECT.match(statement):
            kind = _JSON if _EXPLAIN_JSON.match(statement) else _TEXT if _GIVES_TEXT.match(statement) else None
            return [] if kind is None else [("", kind, -1)]
        cursor = composed.Identifier(f"sqlml_{uuid.uuid4().hex}").as_string(self.connection)
        self._cursor.execute(_RUN.encode())
        self._cursor.execute(_CALL_RUN.encode(), (f"DECLARE {cursor} NO SCROLL CURSOR FOR {statement}",))
        result = self.connection.pgconn.describe_portal(cursor.strip('"').encode())
        self._cursor.execute(f"CLOSE {cursor}".encode())
        names = [(result.fname(index) or b"").decode() for index in range(result.nfields)]
        return [(name, result.ftype(index), result.fmod(index)) for index, name in enumerate(names)]

    def _types(self, columns: Sequence[tuple[str, int, int]]) -> list[str]:
        numbers, modifiers = [number for _, number, _ in columns], [modifier for _, _, modifier in columns]
        return [str(name) for (name,) in self._cursor.execute(_TYPES.encode(), (numbers, modifiers)).fetchall()]

    def _literal(self, sql: str, parameters: Parameters | None) -> str:
        return with_literals(sql, parameters or {}, lambda value: composed.Literal(value).as_string(self.connection))

    def _close(self) -> None:
        """Leave nothing of the caller's that would run at the end of the transaction."""
        if self._switch is None:
            return
        self._switch.to(Rights(OWNER, OWNER_PATH))
        self._cursor.execute(b"CLOSE ALL")
        found = self._cursor.execute(_PUT_OFF.encode()).fetchone()
        if found:
            raise EngineError(
                f"trigger {found[0]} is deferrable, and the worker writes to no table whose triggers could run after "
                "its work; make it NOT DEFERRABLE, or let the call run in the server with runtime => 'inline'"
            )


def numbered_parts(sql: str, names: dict[str, str]) -> str:
    """The statement with other texts for ``$1``, ``$2``, ...; what stands in strings and names stays.

    >>> numbered_parts('SELECT $1, "a$1"', {"1": "x[1]"})
    'SELECT x[1], "a$1"'
    """
    quoted, pieces = False, []
    for piece in sql.split('"'):
        pieces.append(piece if quoted else _with_names(piece, names))
        quoted = not quoted
    return '"'.join(pieces)


def _with_names(piece: str, names: dict[str, str]) -> str:
    for number in sorted(names, key=int, reverse=True):
        piece = piece.replace(f"${number}", names[number].replace("$1", "\0"))
    return piece.replace("\0", "$1")


def _without_domains(statement: str, types: Sequence[str]) -> str:
    """A SELECT whose columns have the types that they are described with; of a domain that is the type under it."""
    names = [f"c{n}" for n in range(len(types))]
    kinds = [named_type(each) for each in types]
    columns = [exp.cast(exp.column(name), kind) for name, kind in zip(names, kinds, strict=True)]
    return exp.select(*columns).from_(verbatim(statement, "given", names)).sql("postgres")


def _call_rows(types: Sequence[str]) -> str:
    """A SELECT of the rows of a statement, whose columns have these types, from inside the function."""
    columns = [
        exp.ColumnDef(this=exp.to_identifier(f"c{position}"), kind=named_type(each))
        for position, each in enumerate(types)
    ]
    called = exp.Table(
        this=exp.Var(this="pg_temp.sqlml_rows($1::pg_catalog.text)"),
        alias=exp.TableAlias(this=exp.to_identifier("given"), columns=columns),
    )
    return exp.select("*").from_(called).sql("postgres")


def _call_count(texts: int) -> str:
    """A SELECT of the rows that a statement has written, from inside the function.

    Its texts are parameters of their own: in one array each would have to be written in quotes.
    """
    # Types are named with their schema: the caller's search path could lead to others.
    text, several = (named_type(f"pg_catalog.{name}") for name in _TEXTS)
    statement, *given = [exp.cast(exp.Parameter(this=exp.Literal.number(n + 1)), text) for n in range(texts + 1)]
    called = exp.Dot(
        this=exp.to_identifier("pg_temp"),
        expression=exp.Anonymous(
            this="sqlml_count", expressions=[statement, exp.cast(exp.Array(expressions=given), several)]
        ),
    )
    return exp.select(called).sql("postgres", normalize_functions=False)


class _OneTransaction:
    """Several transactions that commit together: all join the first, which ends when all is done."""

    def __init__(self, begin: Callable[[], AbstractContextManager[None]]) -> None:
        self._begin = begin
        self._open = ExitStack()
        self._is_open = False

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Commit what was joined inside at the end; an error undoes it."""
        with self._undone():
            yield
        self._open.close()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be part of the transaction; an error inside undoes all of it so far."""
        if not self._is_open:
            self._open.enter_context(self._begin())
            self._is_open = True
        with self._undone():
            yield

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._is_open = False
            self._open.__exit__(type(error), error, error.__traceback__)
            raise


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, on which one statement after the other is committed.

    Raises
    ------
    EngineError
        Where the server cannot be reached, or refuses the login.
    """
    with new_connection(url, "sqlml worker") as connection:
        set_path(connection, SYSTEM_PATH)
        yield connection


@contextmanager
def confined_engine(connection: psycopg.Connection[Any], caller: str, path: str) -> Iterator[PostgresEngine]:
    """An engine for a caller who may be less than the login of the connection.

    Names that the caller gives are looked up along ``path``. What sqlml writes down is written as its owner. All that
    is done inside of ``transaction()`` commits together at the end of the context, or is undone by an error.
    """
    cursor = typed_cursor(connection)
    switch = Switch(connection)
    callers = ConfinedStatements(cursor, switch, Rights(caller, path))
    owners = PsycopgStatements(cursor, switch, Rights(OWNER, OWNER_PATH))
    one = _OneTransaction(lambda: transaction(callers, switch))
    with one.whole():
        yield PostgresEngine(callers, owners, one.joined, caller)
