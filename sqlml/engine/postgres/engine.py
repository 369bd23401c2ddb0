"""The caller's session on PostgreSQL, over the statements of whichever driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa
from sqlglot import exp

from sqlml.engine.postgres.columns import Column
from sqlml.engine.postgres.index import index_for
from sqlml.engine.postgres.lock import place_to_write, refuse_snapshot, take_lock
from sqlml.engine.postgres.parts import CopiedPart, page_ranges
from sqlml.engine.postgres.relation import checked_relation, place_of
from sqlml.engine.postgres.session import CHUNK_ROWS, PostgresSession
from sqlml.engine.postgres.statements import Statements
from sqlml.engine.postgres.temporary import create_temporary, temporary_table
from sqlml.engine.postgres.trust import code_of_others, unreadable
from sqlml.engine.protocol import Parameters, Parts, Relation
from sqlml.engine.relation import table_at


class PostgresEngine(PostgresSession):
    """The caller's session; ``transaction`` begins one for the statements of the caller and of the owner alike."""

    runtimes: tuple[str, ...] = ("auto", "inline", "worker")

    def __init__(
        self,
        caller: Statements,
        owner: Statements,
        transaction: Callable[[], AbstractContextManager[None]],
        actor: str,
    ) -> None:
        super().__init__(caller, actor)
        self._owner = PostgresSession(owner, actor)
        self._transaction = transaction

    def relation(self, text: str) -> Relation:
        """The relation that a caller names, checked by the server's own parser: alone, and where it will stand."""
        return checked_relation(text, self._statements)

    def batches(
        self, sql: str, parameters: Parameters | None = None, size: int = CHUNK_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one SELECT, as they were when the first batch was asked for; the session may write meanwhile."""
        for table in self._tables(sql, parameters, size):
            yield from table.to_batches(size)

    @contextmanager
    def parts(
        self,
        query: exp.Query,
        parameters: Parameters | None,
        read: Sequence[str],
        made: Mapping[str, exp.Expr] | None = None,
        size: int = CHUNK_ROWS,
    ) -> Iterator[Parts]:
        """The rows of a SELECT in parts of a copy in the server; only the columns in ``read`` leave it.

        What is ``made`` of the columns is made as they are copied, which the server does with its parallel workers.
        """
        known = {column.name: column for column in self._columns(query.sql(self.dialect), parameters)}
        further = [value.as_(name) for name, value in (made or {}).items()]
        wide = exp.select("*", *further).from_(query.subquery("given"))
        table = temporary_table()
        n = self._make(create_temporary(table.copy(), wide), parameters)
        yield Parts(table, {}, self._parts(table, n, [known[name] for name in read], size))
        self._drop(table)

    def _parts(self, table: exp.Table, n: int, columns: Sequence[Column], size: int) -> Iterator[CopiedPart]:
        """These columns of the ``n`` rows of a copy, in parts."""
        named = [exp.column(column.name, quoted=True) for column in columns]
        for pages in page_ranges(*self._pages(table), n, size):
            rows = self._read_pages(table, pages, named, columns).combine_chunks()
            for batch in rows.to_batches():  # One, or none: PostgreSQL 16 leaves empty pages behind the last row.
                yield CopiedPart(self._statements, table, pages, batch)

    @contextmanager
    def transaction(self) -> Iterator[PostgresSession]:
        """Everything inside commits together, or nothing does; gives the session with the owner's rights."""
        with self._transaction():
            yield self._owner

    def unreadable(self, table: exp.Table) -> str | None:
        """Why the caller cannot read a table that was recorded; the catalog tells everybody which tables there are."""
        return unreadable(self.rows, table.db, table.name)

    def code_of_others(self, table: exp.Table) -> str | None:
        """What reading a table would run of somebody who may not act as the caller; None where it would run nothing."""
        name = table.sql(self.dialect)
        self.execute(exp.Command(this="LOCK", expression=f"TABLE {name} IN ACCESS SHARE MODE").sql(self.dialect))
        return code_of_others(self.rows, name)

    def place_of(self, table: exp.Table) -> str | None:
        """Where a table is in this database, ``schema.table``; None for a temporary one, or none."""
        return place_of(table, self.rows)

    def table_at(self, place: str) -> exp.Table:
        """The table at a place."""
        return table_at(place)

    def lock(self, what: str) -> None:
        """Wait until no other transaction holds this lock, and hold it until the end of this one."""
        take_lock(what, self.rows, self._owner.rows)

    def lock_table(self, table: exp.Table) -> None:
        """Hold the lock of a table that is to be written or made, by whatever name others know it."""
        self.lock(f"table {place_to_write(self.rows, table)}")

    def index(self, table: exp.Table, columns: Sequence[exp.Expr]) -> None:
        """Give a table an index, where it is large, has none that begins so, and the caller may."""
        create = index_for(self.rows, table, columns)
        if create is not None:
            self.execute(create.sql(self.dialect))

    def refuse_snapshot(self) -> None:
        """Refuse a transaction that does not see what others commit while it waits for them."""
        refuse_snapshot(self.rows)
