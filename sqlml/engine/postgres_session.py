"""What both PostgreSQL engines share: a session is built on the few things that a driver must be able to do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import postgres_json
from sqlml.engine.postgres_catalog import catalog_objects
from sqlml.engine.postgres_columns import (
    AmbiguousNull,
    Column,
    columns_read,
    columns_select,
    schema_of,
    source_name,
)
from sqlml.engine.postgres_index import index_for
from sqlml.engine.postgres_lock import place_to_write, refuse_snapshot, take_lock
from sqlml.engine.postgres_parts import CopiedPart, numbered, page_ranges, rows_of_pages
from sqlml.engine.postgres_relation import checked_relation, place_of, verbatim
from sqlml.engine.postgres_rights import require_temporary
from sqlml.engine.postgres_rows import chunked, csv_bytes, joined_rows
from sqlml.engine.postgres_trust import code_of_others
from sqlml.engine.postgres_types import column_types, sql_type
from sqlml.engine.postgres_whole import whole_selects
from sqlml.engine.protocol import CatalogEntry, Parameters, Relation
from sqlml.engine.relation import table_at

SMALL_BYTES = 32 * 1024**2
"""What the planner expects to be smaller than this is read at once, without a copy in the server."""

COLUMNS_AT_ONCE = 400
"""PostgreSQL takes 1,664 expressions in one statement, and up to four of them read a column."""

SMALL_ROWS = 20_000
"""Where it turns out to have more rows than this after all, it is read from a copy."""

CHUNK_ROWS = 122_880
"""A copy is read in parts of about so many rows, or of ``CHUNK_BYTES`` as they are stored, whichever is less."""

MANY_ROWS = 5_000
"""From here on rows go by COPY, where the driver has it, and a temporary table is analysed."""


class Statements(Protocol):
    """Statements with one set of rights. Errors are raised as those of our tree."""

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""

    def cells(self, sql: str, parameters: Parameters | None = None) -> tuple[Any, ...]:
        """The first row of a SELECT, bytes as they are."""

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The name, the number of the type and its modifier of each column of a SELECT, which is not run."""

    def parse(self, sql: str) -> None:
        """Refuse a text that is not one statement without parameters."""

    def script(self, sql: str) -> None:
        """Run the statements of a text."""

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """Give parts to a COPY ... FROM STDIN; False, and nothing done, where the driver has none."""

    def is_usable(self) -> bool:
        """Whether a statement can be run: not so in a transaction that has failed."""


class PostgresSession:
    """A session over the statements of a driver."""

    name = "postgres"
    dialect = "postgres"

    def __init__(self, statements: Statements, actor: str) -> None:
        self._statements = statements
        self._actor = actor
        self._may_make = False

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run one statement and drop its rows."""
        self._statements.count(sql, parameters)

    def script(self, sql: str) -> None:
        """Run the statements of a text one after the other, in one transaction."""
        self._statements.script(sql)

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement; a NUMERIC is an int where it is whole by its type or scale, else a float."""
        return self._statements.run(sql, parameters)

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """All rows of one SELECT as an Arrow table."""
        columns = self._columns(sql, parameters)
        small = self._small(sql, parameters, columns)
        if small is not None:
            return small
        whole = None if len(columns) > COLUMNS_AT_ONCE else whole_selects(sql, columns, self.rows)
        if whole is not None:
            return self._read(columns, lambda flagged: whole(flagged).sql(self.dialect))
        return pa.concat_tables(self._copied(sql, parameters, columns, CHUNK_ROWS))

    def append(self, table: exp.Table, rows: pa.Table) -> None:
        """Insert rows by column name into a table, by COPY where there are many and the table takes it."""
        names = [exp.to_identifier(name, quoted=True) for name in rows.column_names]
        target = exp.Schema(this=table.copy(), expressions=names)
        if rows.num_rows >= MANY_ROWS and self._takes_copy(table):
            options = [exp.CopyParameter(this=exp.var("FORMAT"), expression=exp.var("csv"))]
            copy = exp.Copy(this=target, kind=True, files=[exp.var("STDIN")], params=options)
            if self._statements.copy(copy.sql(self.dialect), (csv_bytes(part) for part in chunked(rows))):
                return
        insert = self._insert(table, rows, names).sql(self.dialect)
        for part in chunked(rows):
            joined = joined_rows(part)
            self._statements.with_texts(insert, [*joined.columns, joined.separator, joined.null])

    def has_table(self, table: exp.Table) -> bool:
        """Whether a table or view of this name exists."""
        name = table.sql(self.dialect)
        return bool(self.rows("SELECT pg_catalog.to_regclass($name) IS NOT NULL", {"name": name})[0][0])

    @contextmanager
    def temporary(self, rows: pa.Table) -> Iterator[exp.Table]:
        """Arrow rows as a temporary table; after an error it goes with its transaction or session."""
        table = _temporary_table()
        columns = [
            exp.ColumnDef(this=exp.to_identifier(field.name, quoted=True), kind=_raw_type(sql_type(field.type)))
            for field in rows.schema
        ]
        self._make(_create(exp.Schema(this=table.copy(), expressions=columns)))
        self.append(table, rows)
        self._analyze(table, rows.num_rows)
        yield table
        self._drop(table)

    @contextmanager
    def materialized(self, query: exp.Query, parameters: Parameters | None = None) -> Iterator[exp.Table]:
        """The rows of a SELECT as a temporary table; after an error it goes with its transaction or session."""
        table = _temporary_table()
        made = self._make(_create(table.copy(), query.copy()), parameters)
        self._analyze(table, made)
        yield table
        self._drop(table)

    def json_object(
        self, columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str] | None = None
    ) -> exp.Expression:
        """These columns of a table as one ``json`` object; NaN and infinities become null."""
        return postgres_json.json_object(columns, table, keys or {})

    def json_parsed(self, document: exp.Expression) -> exp.Expression:
        """A JSON text as ``jsonb``."""
        return exp.cast(document, "JSONB")

    def json_values(self, document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
        """By key the value in a JSON object."""
        return postgres_json.json_values(document, types)

    def catalog(self, names: Collection[str] | None = None) -> dict[str, CatalogEntry]:
        """The roles, schema ``sqlml`` and all that is in it, routines by their signature; or what has these names."""
        return {
            name: CatalogEntry(found.kind, found.definition, "\n".join(found.privileges))
            for name, found in catalog_objects(self.rows, names).items()
        }

    def actor(self) -> str:
        """Who is asking: the login, and the role that it has taken where that is another one."""
        return self._actor

    def version(self) -> str:
        """The version of the server, as in ``15.4``."""
        return str(self.rows("SHOW server_version")[0][0]).split()[0]

    def tells_as(self, version: str) -> bool:
        """Whether it is of the same major version: a minor one does not change the catalog, nor how it is written."""
        return version.partition(".")[0] == self.version().partition(".")[0]

    def _tables(self, sql: str, parameters: Parameters | None, size: int) -> Iterator[pa.Table]:
        """The rows of a SELECT in order, in tables of about ``size`` rows; at least one table."""
        columns = self._columns(sql, parameters)
        small = self._small(sql, parameters, columns)
        if small is not None:
            yield small
        else:
            yield from self._copied(sql, parameters, columns, size)

    def _small(self, sql: str, parameters: Parameters | None, columns: Sequence[Column]) -> pa.Table | None:
        """The rows of a SELECT that has few of them; None of one that has many."""
        if len(columns) > COLUMNS_AT_ONCE or not self._is_small(sql, parameters):
            return None
        limited = exp.select("*").from_(verbatim(sql, "q")).limit(SMALL_ROWS + 1).sql(self.dialect)
        table = self._read_query(limited, columns, parameters)
        return table if table.num_rows <= SMALL_ROWS else None

    def _columns(self, sql: str, parameters: Parameters | None) -> list[Column]:
        described = self._statements.described(sql, parameters)
        types = column_types([(number, modifier) for _, number, modifier in described], self.rows)
        return [Column(name, type) for (name, _, _), type in zip(described, types, strict=True)]

    def _is_small(self, sql: str, parameters: Parameters | None) -> bool:
        explained = self.rows(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        plan = json.loads(explained[0][0])[0]["Plan"]
        return bool(plan["Plan Rows"] * max(plan["Plan Width"], 8) < SMALL_BYTES)

    def _read_query(self, sql: str, columns: Sequence[Column], parameters: Parameters | None = None) -> pa.Table:
        """The rows of a SELECT as one table."""
        source = verbatim(sql, "q", [source_name(position) for position in range(len(columns))])
        return self._read(
            columns, lambda flagged: columns_select(source, columns, flagged).sql(self.dialect), parameters
        )

    def _read(
        self,
        columns: Sequence[Column],
        select: Callable[[frozenset[int]], str],
        parameters: Parameters | None = None,
    ) -> pa.Table:
        """The rows that the one row of a SELECT holds; it is run again where its NULLs have to be told from values."""
        flagged: frozenset[int] = frozenset()
        while True:
            try:
                return columns_read(columns, self._statements.cells(select(flagged), parameters), flagged)
            except AmbiguousNull as ambiguous:
                flagged |= ambiguous.positions

    def _copied(
        self, sql: str, parameters: Parameters | None, columns: Sequence[Column], size: int
    ) -> Iterator[pa.Table]:
        """The rows through a temporary table: in order, of one moment, and never more than a part of them at once."""
        table = _temporary_table()
        names = [exp.to_identifier(source_name(position)) for position in range(len(columns))]
        create = _create(exp.Schema(this=table.copy(), expressions=names), exp.Var(this=sql))
        n = self._make(create, parameters)
        yield schema_of(columns).empty_table()
        try:
            for part in page_ranges(*self._pages(table), n, size):
                yield self._read_pages(table, part, names, columns)
        finally:
            if self._statements.is_usable():
                self._drop(table)

    def _read_pages(
        self, table: exp.Table, pages: tuple[int, int], named: Sequence[exp.Expr], columns: Sequence[Column]
    ) -> pa.Table:
        """These columns of the rows of pages, by groups where they are many."""
        read = []
        for start in range(0, max(len(columns), 1), COLUMNS_AT_ONCE):
            group = slice(start, start + COLUMNS_AT_ONCE)
            rows = rows_of_pages(table, pages, *named[group]).sql(self.dialect)
            read += self._read_query(rows, columns[group]).columns
        return pa.Table.from_arrays(read, schema=schema_of(columns))

    def _pages(self, table: exp.Table) -> tuple[int, int]:
        """How many pages a table has, and how many bytes with all that is stored beside them."""
        asked = """
            SELECT pg_relation_size(oid) / current_setting('block_size')::bigint, pg_table_size(oid)
            FROM CAST(to_regclass($name) AS oid) AS oid
        """
        pages, size = self.rows(asked, {"name": table.sql(self.dialect)})[0]
        return pages, size

    def _takes_copy(self, table: exp.Table) -> bool:
        asked = (
            "SELECT relkind IN ('r', 'p') AND NOT row_security_active(oid) FROM pg_class WHERE oid = to_regclass($name)"
        )
        found = self.rows(asked, {"name": table.sql(self.dialect)})
        return bool(found and found[0][0])

    def _insert(self, table: exp.Table, rows: pa.Table, names: Sequence[exp.Identifier]) -> exp.Insert:
        """An INSERT of rows that come as one text for each column, read as the type of the column that they go into."""
        asked = """
            SELECT attname, format_type(atttypid, -1) FROM pg_attribute
            WHERE attrelid = to_regclass($name) AND attnum > 0 AND NOT attisdropped
        """
        types = dict(self.rows(asked, {"name": table.sql(self.dialect)}))
        separator, null = _given(rows.num_columns), _given(rows.num_columns + 1)
        values = [
            exp.cast(_items(_given(position), separator, null), _raw_type(types.get(name, "text")))
            for position, name in enumerate(rows.column_names)
        ]
        return exp.insert(exp.select(*values), table.copy(), columns=list(names))

    def _make(self, create: exp.Create, parameters: Parameters | None = None) -> int:
        """Make a temporary table; gives how many rows it has."""
        if not self._may_make:
            require_temporary(self.rows)
            self._may_make = True
        return self._statements.count(create.sql(self.dialect), parameters)

    def _analyze(self, table: exp.Table, n: int) -> None:
        if n >= MANY_ROWS:
            self.execute(exp.Command(this="ANALYZE", expression=table.sql(self.dialect)).sql(self.dialect))

    def _drop(self, table: exp.Table) -> None:
        self.execute(exp.Drop(tables=[table.copy()], kind="TABLE").sql(self.dialect))


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

    def parts(
        self,
        query: exp.Query,
        parameters: Parameters | None,
        read: Sequence[str],
        made: Mapping[str, exp.Expr] | None = None,
        size: int = CHUNK_ROWS,
    ) -> Iterator[CopiedPart]:
        """The rows of a SELECT in parts of a copy in the server; only the columns in ``read`` leave it.

        What is ``made`` of the columns is made as they are copied, which the server does with its parallel workers.
        """
        named = {column.name: column for column in self._columns(query.sql(self.dialect), parameters)}
        columns = [named[name] for name in read]
        table = _temporary_table()
        further = [value.as_(name) for name, value in (made or {}).items()]
        wide = exp.select("*", *further).from_(query.subquery("given"))
        n, before = self._make(_create(table.copy(), numbered(wide)), parameters), 0
        try:
            for pages in page_ranges(*self._pages(table), n, size):
                rows = self._read_pages(table, pages, [_named(name) for name in read], columns).combine_chunks()
                for batch in rows.to_batches():  # One, or none: PostgreSQL 16 leaves empty pages behind the last row.
                    yield CopiedPart(self._statements, table, pages, before, batch)
                before += rows.num_rows
        finally:
            if self._statements.is_usable():
                self._drop(table)

    @contextmanager
    def transaction(self) -> Iterator[PostgresSession]:
        """Everything inside commits together, or nothing does; gives the session with the owner's rights."""
        with self._transaction():
            yield self._owner

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


def _named(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _temporary_table() -> exp.Table:
    return exp.table_(f"sqlml_{uuid.uuid4().hex}", db="pg_temp")


def _create(target: exp.Expression, query: exp.Query | exp.Var | None = None) -> exp.Create:
    properties = exp.Properties(expressions=[exp.TemporaryProperty()])
    return exp.Create(this=target, kind="TABLE", expression=query, properties=properties)


def _raw_type(text: str) -> exp.DataType:
    """A type in the words of the server itself."""
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=text)


def _given(position: int) -> exp.Parameter:
    return exp.Parameter(this=exp.Literal.number(position + 1))


def _items(text: exp.Expression, separator: exp.Expression, null: exp.Expression) -> exp.Expression:
    """The rows of a column, of which there are some: a text of length 0 is one value and not none."""
    items = exp.Anonymous(this="string_to_array", expressions=[text, separator.copy(), null.copy()])
    none, one = (exp.cast(exp.Literal.string(array), _raw_type("text[]")) for array in ("{}", '{""}'))
    known = exp.Anonymous(this="coalesce", expressions=[exp.Anonymous(this="nullif", expressions=[items, none]), one])
    return exp.Anonymous(this="unnest", expressions=[known])
