"""What both PostgreSQL engines share: a session is built on the few things that a driver must be able to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from sqlglot import exp

from sqlml.engine.postgres import documents
from sqlml.engine.postgres.append import MANY_ROWS, append
from sqlml.engine.postgres.catalog import catalog_objects
from sqlml.engine.postgres.columns import (
    AmbiguousNull,
    Column,
    columns_read,
    columns_select,
    schema_of,
    source_name,
)
from sqlml.engine.postgres.parts import page_ranges, rows_of_pages
from sqlml.engine.postgres.relation import verbatim
from sqlml.engine.postgres.rights import require_temporary
from sqlml.engine.postgres.statements import Statements
from sqlml.engine.postgres.temporary import create_temporary, temporary_table
from sqlml.engine.postgres.types import column_types, named_type, sql_type
from sqlml.engine.postgres.whole import whole_selects
from sqlml.engine.protocol import CatalogEntry, Parameters

SMALL_BYTES = 32 * 1024**2
"""What the planner expects to be smaller than this is read at once, without a copy in the server."""

COLUMNS_AT_ONCE = 400
"""PostgreSQL takes 1,664 expressions in one statement, and up to four of them read a column."""

SMALL_ROWS = 20_000
"""Where it turns out to have more rows than this after all, it is read from a copy."""

CHUNK_ROWS = 122_880
"""A copy is read in parts of about so many rows, or of ``CHUNK_BYTES`` as they are stored, whichever is less."""


class PostgresSession:
    """A session over the statements of a driver."""

    name = "postgres"
    dialect = "postgres"
    installer = "sqlml install"

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
        append(self._statements, table, rows)

    def has_table(self, table: exp.Table) -> bool:
        """Whether a table or view of this name exists."""
        name = table.sql(self.dialect)
        return bool(self.rows("SELECT pg_catalog.to_regclass($name) IS NOT NULL", {"name": name})[0][0])

    def owns(self, schema: str) -> bool:
        """Whether a schema belongs to the role that owns what is sqlml's."""
        owner = "SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = $schema"
        return self.rows(owner, {"schema": schema}) == [("sqlml_owner",)]

    @contextmanager
    def temporary(self, rows: pa.Table) -> Iterator[exp.Table]:
        """Arrow rows as a temporary table; after an error it goes with its transaction or session."""
        table = temporary_table()
        columns = [
            exp.ColumnDef(this=exp.to_identifier(field.name, quoted=True), kind=named_type(sql_type(field.type)))
            for field in rows.schema
        ]
        self._make(create_temporary(exp.Schema(this=table.copy(), expressions=columns)))
        self.append(table, rows)
        self._analyze(table, rows.num_rows)
        yield table
        self._drop(table)

    @contextmanager
    def materialized(self, query: exp.Query, parameters: Parameters | None = None) -> Iterator[exp.Table]:
        """The rows of a SELECT as a temporary table; after an error it goes with its transaction or session."""
        table = temporary_table()
        made = self._make(create_temporary(table.copy(), query.copy()), parameters)
        self._analyze(table, made)
        yield table
        self._drop(table)

    def json_object(
        self, columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str] | None = None
    ) -> exp.Expression:
        """These columns of a table as one ``json`` object; NaN and infinities become null."""
        return documents.json_object(columns, table, keys or {})

    def json_parsed(self, document: exp.Expression) -> exp.Expression:
        """A JSON text as ``jsonb``."""
        return exp.cast(document, "JSONB")

    def json_values(self, document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
        """By key the value in a JSON object."""
        return documents.json_values(document, types)

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
        """The rows that a SELECT gathers; it is run again where its NULLs have to be told from values."""
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
        table = temporary_table()
        names = [exp.to_identifier(source_name(position)) for position in range(len(columns))]
        create = create_temporary(exp.Schema(this=table.copy(), expressions=names), exp.Var(this=sql))
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
