"""What the rest of sqlml asks of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

Parameters = Mapping[str, Any]

GONE = "it is gone"
"""Why nobody can read a table that was recorded: dropped, or renamed."""


@dataclass(frozen=True)
class CatalogEntry:
    """An object as the catalog reports it; ``rights`` are its grants, a line each, where the engine has such."""

    kind: str
    definition: str
    rights: str = ""


@dataclass(frozen=True)
class Relation:
    """What a caller named as a relation: a table, a view or a SELECT, found good by the database itself.

    ``text`` is as it was given, ``sql`` the SELECT that it stands for. ``source`` stands in a FROM clause for its rows;
    a statement that has it takes ``parameters`` and no others.
    """

    text: str
    sql: str
    source: exp.Expr
    parameters: Parameters = field(default_factory=dict)

    def select(self, *columns: exp.Expr | str, alias: str | None = None) -> exp.Select:
        """A SELECT of columns, by default all, from the rows; ``alias`` names them."""
        source = self.source.copy()
        return exp.select(*(columns or ("*",))).from_(exp.alias_(source, alias, table=True) if alias else source)


class Session(Protocol):
    """Statements with one set of rights. They take their values as named parameters, written ``$name``."""

    name: str
    """The engine in the metadata tables: ``duckdb`` or ``postgres``."""

    dialect: str
    """The dialect in which sqlglot writes for it."""

    installer: str
    """The command that brings a database up to the files of sqlml."""

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run one statement and drop its rows."""

    def script(self, sql: str) -> None:
        """Run the statements of a file, or of a compiled model, one after the other."""

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement; JSON comes as text, times without a zone."""

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """All rows of one statement as an Arrow table."""

    def append(self, table: exp.Table, rows: pa.Table) -> None:
        """Insert rows by column name into a table."""

    def has_table(self, table: exp.Table) -> bool:
        """Whether a table of this name exists."""

    def owns(self, schema: str) -> bool:
        """Whether a schema belongs to sqlml, and not to somebody else who has given it that name."""

    def temporary(self, rows: pa.Table) -> AbstractContextManager[exp.Table]:
        """Arrow rows as a relation of this session, for as long as the context lasts."""

    def materialized(self, query: exp.Query, parameters: Parameters | None = None) -> AbstractContextManager[exp.Table]:
        """The rows of a SELECT as a temporary table of this session, for as long as the context lasts."""

    def json_object(
        self, columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str] | None = None
    ) -> exp.Expression:
        """These columns of a table as one JSON object; a number that JSON cannot hold becomes null.

        ``keys`` says by column under which key it stands, where that is not its name.
        """

    def json_parsed(self, document: exp.Expression) -> exp.Expression:
        """A JSON text in the form out of which :meth:`json_values` reads many values soonest."""

    def json_values(self, document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
        """By key the value in a JSON object, read as a SQL type; NULL where the key is absent or its value null."""

    def catalog(self, names: Collection[str] | None = None) -> dict[str, CatalogEntry]:
        """The tables, views and routines of schema ``sqlml``, and the routines elsewhere, by ``schema.name``.

        Where ``names`` are given, only these; the name of a routine without its arguments stands for all of that name.
        """

    def actor(self) -> str:
        """Who is asking, for the metadata tables."""

    def version(self) -> str:
        """The version of the database engine."""

    def tells_as(self, version: str) -> bool:
        """Whether :meth:`catalog` tells of the same object in the words of this version of the engine."""


class Part(Protocol):
    """Some of the rows of a SELECT: here, and in the database."""

    @property
    def rows(self) -> pa.RecordBatch:
        """The columns that were asked for, in their order."""

    def write(self, values: pa.Table, insert: Callable[[exp.Expr], exp.Insert]) -> None:
        """Write these rows, with all of their columns and a value more in each row.

        ``values`` has as many rows as the part, in the same order; its columns have names of their own. ``insert``
        gives the INSERT, for what stands in its FROM clause for the rows.
        """


@dataclass(frozen=True)
class Parts:
    """The rows of a SELECT, in parts.

    ``source`` stands in a FROM clause for all of them; a statement that has it takes ``parameters`` and no others. In
    PostgreSQL it has the rows as they are read here; in DuckDB as they are when it is asked.
    """

    source: exp.Expr
    parameters: Parameters
    parts: Iterator[Part]


class Engine(Session, Protocol):
    """What a caller may do: its statements have the caller's rights.

    Whatever the caller names, a relation or a table to write to, is read and written through this. What sqlml itself
    writes down goes through the session that :meth:`transaction` gives, which has the rights of the owner of the
    metadata tables.
    """

    runtimes: tuple[str, ...]
    """Where training can run: what ``runtime => ...`` may be."""

    def relation(self, text: str) -> Relation:
        """The relation that a caller names: a table, a view, or one SELECT.

        Raises ``InvalidRelation`` where it is neither, does not run, or names what is not there.
        """

    def batches(self, sql: str, parameters: Parameters | None = None, size: int = 122_880) -> Iterator[pa.RecordBatch]:
        """The rows of one statement in batches of at most about ``size``, without holding all of them."""

    def parts(
        self,
        query: exp.Query,
        parameters: Parameters | None,
        read: Sequence[str],
        made: Mapping[str, exp.Expr] | None = None,
        size: int = 122_880,
    ) -> AbstractContextManager[Parts]:
        """The rows of a SELECT in parts of at most about ``size``, to be written with what is made of them here.

        ``read`` are the columns that are needed here. Others need not leave the database; nor do any come back.
        ``made`` are further columns of the rows that are written, made by the database of those of the SELECT,
        ``given.column``.
        """

    def transaction(self) -> AbstractContextManager[Session]:
        """Everything inside commits together, or nothing does: statements of the caller and of the session it gives.

        The session has the rights of the owner of the metadata tables; it does not see temporary relations of the
        caller.
        """

    def unreadable(self, table: exp.Table) -> str | None:
        """Why the caller cannot read a table that was recorded: :data:`GONE`, or no right to; None where it can."""

    def code_of_others(self, table: exp.Table) -> str | None:
        """What reading a table would run of its owner's with the rights of the caller; None where there is no danger.

        To be asked of a table that the caller has not named, inside the transaction that reads it.
        """

    def place_of(self, table: exp.Table) -> str | None:
        """Where a table is in this database: ``schema.table``, however it was named.

        None for what others do not find there: a temporary table, one of another database, or none at all.
        """

    def table_at(self, place: str) -> exp.Table:
        """The table at a place that :meth:`place_of` gave, to this or to another session."""

    def lock(self, what: str) -> None:
        """Wait until no other transaction holds this lock, and hold it until the end of this one.

        Raises ``TransactionError`` as :meth:`refuse_snapshot` does.
        """

    def lock_table(self, table: exp.Table) -> None:
        """Hold the lock of a table that is to be written or made, by whatever name others know it."""

    def index(self, table: exp.Table, columns: Sequence[exp.Expr]) -> None:
        """Give a table of the caller's an index to find rows by the first of these columns, where that pays.

        A column is in quotes; an expression of columns is written as the engine itself shows it.
        """

    def refuse_snapshot(self) -> None:
        """Refuse a transaction of the caller's that would not see what others commit while it waits for a lock.

        Raises ``TransactionError``.
        """
