"""DuckDB, the embedded default."""

from __future__ import annotations

import getpass
import json
import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from sqlml.engine.protocol import GONE, CatalogEntry, Parameters, Parts, Relation
from sqlml.engine.relation import select_from, table_at
from sqlml.errors import (
    ERRORS,
    DatabaseLocked,
    EngineError,
    InvalidArgument,
    InvalidRelation,
    InvalidValue,
    SqlmlError,
)

_CATALOG = """
SELECT * FROM (
SELECT schema_name || '.' || function_name AS name,
       CASE min(function_type) WHEN 'macro' THEN 'macro' ELSE 'macro table' END,
       string_agg(function_type || to_json(parameters) || macro_definition, ' ' ORDER BY macro_definition)
FROM duckdb_functions()
WHERE NOT internal AND function_type IN ('macro', 'table_macro') AND database_name = current_database()
GROUP BY schema_name, function_name
UNION ALL
SELECT schema_name || '.' || view_name, 'view', sql
FROM duckdb_views() WHERE schema_name = 'sqlml' AND database_name = current_database()
UNION ALL
SELECT schema_name || '.' || table_name, 'table', sql
FROM duckdb_tables() WHERE schema_name = 'sqlml' AND database_name = current_database()
)
WHERE $names IS NULL OR list_contains(from_json($names, '["VARCHAR"]'), name)
"""
# Before a table stands its schema, or the name of the file.
_PLACE = """
SELECT array_to_string(list_transform([schema_name, table_name], lambda each: CASE
  WHEN regexp_full_match(each, '[a-z_][a-z0-9_]*') AND NOT list_contains(reserved, each) THEN each
  ELSE '"' || replace(each, '"', '""') || '"'
END), '.')
FROM duckdb_tables(), (SELECT list(keyword_name) AS reserved FROM duckdb_keywords() WHERE keyword_category = 'reserved')
WHERE database_name = current_database() AND NOT temporary AND lower(table_name) = lower($name)
  AND lower(coalesce($catalog, database_name)) = lower(database_name)
  AND (lower(schema_name) = lower($schema)
    OR $catalog IS NULL AND lower(coalesce($schema, database_name)) = lower(database_name)
       AND schema_name = current_schema())
ORDER BY lower(schema_name) = lower($schema) DESC LIMIT 1
"""
_WRONG_ARGUMENTS = re.compile(r"Macro (\w+)\(\) does not support the supplied arguments")
_OWN_ERROR = re.compile(r"\b(ML\d{3}) (.*)", re.DOTALL)


PART_ROWS = 100_000
"""Less than a row group of 122,880: DuckDB 2.0.0 hides from other connections, until the file is opened anew, a whole
row group that one INSERT brings into a table which the same transaction has created."""


class DuckDBEngine:
    """A session on one DuckDB connection, which must not be in use by a running statement.

    ``writing`` is shared by all sessions of a database in this process, so that version numbers and the
    history of an alias are made by one writer at a time.
    """

    name = "duckdb"
    dialect = "duckdb"
    installer = "sqlml init"
    runtimes: tuple[str, ...] = ("auto", "inline")

    def __init__(self, connection: duckdb.DuckDBPyConnection, writing: threading.RLock | None = None) -> None:
        self._connection = connection
        self._writing = writing or threading.RLock()

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run one statement and drop its rows."""
        with wrapped_errors():
            self._connection.execute(sql, parameters or None).complete()

    def script(self, sql: str) -> None:
        """Run several statements one after the other."""
        self.execute(sql)

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        with wrapped_errors():
            return self._connection.execute(sql, parameters or None).fetchall()

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """All rows of one statement as an Arrow table."""
        with wrapped_errors():
            return self._connection.sql(sql, params=parameters or None).to_arrow_table()

    def batches(self, sql: str, parameters: Parameters | None = None, size: int = 122_880) -> Iterator[pa.RecordBatch]:
        """The rows of one statement in batches; the statement runs on a cursor of its own.

        The cursor sees what is committed, and the session may write while the batches are read.
        """
        with wrapped_errors(), self._connection.cursor() as cursor:
            yield from cursor.sql(sql, params=parameters or None).to_arrow_reader(size)

    @contextmanager
    def parts(
        self,
        query: exp.Query,
        parameters: Parameters | None,
        read: Sequence[str],
        made: Mapping[str, exp.Expr] | None = None,
        size: int = PART_ROWS,
    ) -> Iterator[Parts]:
        """The rows of a SELECT in parts, which are batches: the database reads them where Arrow has put them."""
        batches = self.batches(query.sql(self.dialect), parameters, size)
        parts = (_BatchPart(self, batch, batch.select(list(read)), made or {}) for batch in batches)
        yield Parts(query.subquery("parts"), parameters or {}, parts)

    def append(self, table: exp.Table, rows: pa.Table) -> None:
        """Insert rows by column name into a table."""
        with self.temporary(rows) as source:
            columns = [exp.to_identifier(name, quoted=True) for name in rows.column_names]
            insert = exp.insert(exp.select(*columns).from_(source), table, columns=columns)
            self.execute(insert.sql(self.dialect))

    def has_table(self, table: exp.Table) -> bool:
        """Whether a committed table of this name exists.

        It is asked on a cursor of its own: the error of a failed statement would end an open transaction.
        """
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(exp.select("*").from_(table).limit(0).sql(self.dialect)).complete()
            except duckdb.CatalogException:
                return False
        return True

    def owns(self, schema: str) -> bool:
        """True: a file has one user."""
        return True

    def place_of(self, table: exp.Table) -> str | None:
        """Where a table is in this file, ``schema.table``; None for one that is not there."""
        named = {"name": table.name, "schema": table.db or None, "catalog": table.catalog or None}
        found = self.rows(_PLACE, named)
        return str(found[0][0]) if found else None

    def table_at(self, place: str) -> exp.Table:
        """The table at a place, by the name that this file has now: a schema could have the name of another one."""
        table = table_at(place)
        ((catalog,),) = self.rows("SELECT current_database()")
        table.set("catalog", exp.to_identifier(catalog, quoted=True))
        return table

    def relation(self, text: str) -> Relation:
        """The relation that a caller names, checked by DuckDB's own parser and binder."""
        sql = select_from(text, self.dialect)
        source = exp.maybe_parse("query($relation)", into=exp.Table, dialect=self.dialect)
        relation = Relation(text, sql, source, {"relation": sql})
        try:
            self._connection.execute(f"DESCRIBE {relation.select().sql(self.dialect)}", relation.parameters).complete()
        except duckdb.Error as error:
            raise InvalidRelation(
                f"relation => {text!r}: {first_line(error)}. Give the name of a committed table or view, or one SELECT"
            ) from error
        return relation

    @contextmanager
    def temporary(self, rows: pa.Table) -> Iterator[exp.Table]:
        """Arrow rows as a relation of this session; after an error it goes with its transaction or session."""
        name = f"sqlml_{uuid.uuid4().hex}"
        self._connection.register(name, rows)
        yield exp.to_table(name)
        self._connection.unregister(name)

    @contextmanager
    def transaction(self) -> Iterator[DuckDBEngine]:
        """Everything inside commits together, or nothing does; one writer at a time.

        An embedded database has no roles: the session that it gives is this one.
        """
        with self._writing, wrapped_errors():
            self._connection.begin()
            try:
                yield self
                self._connection.commit()
            except BaseException:
                rollback_quietly(self._connection)
                raise

    def unreadable(self, table: exp.Table) -> str | None:
        """Why a table that was recorded cannot be read: it is gone; None where it is there."""
        return None if self.has_table(table) else GONE

    def code_of_others(self, table: exp.Table) -> str | None:
        """None: a file has one user."""
        return None

    def lock(self, what: str) -> None:
        """Nothing: a transaction is alone with the database already."""

    def lock_table(self, table: exp.Table) -> None:
        """Nothing, as for :meth:`lock`."""

    def index(self, table: exp.Table, columns: Sequence[exp.Expr]) -> None:
        """Nothing: columns are read through fast, and an index would have to be kept in memory."""

    def refuse_snapshot(self) -> None:
        """Nothing: one call writes at a time, and its transaction begins then."""

    @contextmanager
    def materialized(self, query: exp.Query, parameters: Parameters | None = None) -> Iterator[exp.Table]:
        """The rows of a SELECT as a temporary table; after an error it goes with its transaction or session."""
        name = f"sqlml_{uuid.uuid4().hex}"
        create = exp.Create(
            this=exp.to_table(name),
            kind="TABLE",
            expression=query.copy(),
            properties=exp.Properties(expressions=[exp.TemporaryProperty()]),
        )
        self.execute(create.sql(self.dialect), parameters)
        yield exp.to_table(name)
        self.execute(exp.Drop(tables=[exp.to_table(name)], kind="TABLE").sql(self.dialect))

    def json_object(
        self, columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str] | None = None
    ) -> exp.Expression:
        """These columns of a table as one JSON object; NaN and infinities become null."""
        pairs = []
        for name, kind in columns.items():
            value: exp.Expression = exp.column(exp.to_identifier(name, quoted=True), table)
            if pa.types.is_floating(kind):
                value = exp.case().when(exp.func("isfinite", value), value.copy())
            key = exp.Literal.string((keys or {}).get(name, name))
            pairs.append(exp.JSONKeyValue(this=key, expression=value))
        return exp.JSONObject(expressions=pairs)

    def json_parsed(self, document: exp.Expression) -> exp.Expression:
        """A JSON text as it is: DuckDB reads all values of one at a time."""
        return document

    def json_values(self, document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
        """By key the value in a JSON object; the object is parsed once for all of them."""
        named = {key: exp.DataType.build(kind).sql(self.dialect) for key, kind in types.items()}
        structure = exp.Literal.string(json.dumps(named, ensure_ascii=False))
        parsed = exp.Anonymous(this="from_json", expressions=[document.copy(), structure])
        return {
            key: exp.Anonymous(this="struct_extract", expressions=[parsed.copy(), exp.Literal.string(key)])
            for key in types
        }

    def catalog(self, names: Collection[str] | None = None) -> dict[str, CatalogEntry]:
        """The tables, views and macros of schema ``sqlml``, and the macros elsewhere; or what has these names."""
        wanted = None if names is None else json.dumps([*names])
        return {name: CatalogEntry(kind, text) for name, kind, text in self.rows(_CATALOG, {"names": wanted})}

    def actor(self) -> str:
        """The name of the operating system's user: an embedded database has no users of its own."""
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown"

    def version(self) -> str:
        """The version of DuckDB."""
        return str(duckdb.__version__)

    def tells_as(self, version: str) -> bool:
        """Whether it is this version: another one may write a macro otherwise."""
        return version == self.version()


@dataclass(frozen=True)
class _BatchPart:
    """A batch of rows; see :class:`sqlml.engine.protocol.Part`."""

    engine: DuckDBEngine
    batch: pa.RecordBatch
    rows: pa.RecordBatch
    made: Mapping[str, exp.Expr]

    def write(self, values: pa.Table, insert: Callable[[exp.Expr], exp.Insert]) -> None:
        """Run the INSERT of these rows with a value more in each."""
        whole = pa.Table.from_batches([self.batch])
        for name in values.column_names:
            whole = whole.append_column(name, values.column(name))
        with self.engine.temporary(whole) as table:
            made = [value.as_(name) for name, value in self.made.items()]
            rows = exp.select("*", *made).from_(exp.alias_(table, "given", table=True))
            self.engine.execute(insert(rows.subquery("part")).sql(self.engine.dialect))


def rollback_quietly(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back; a transaction that a failed commit has ended already is no error."""
    try:
        connection.rollback()
    except duckdb.Error:
        return


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says is wrong, with its candidates and without the excerpt of our statement."""
    text = str(error).split("\n\nLINE", 1)[0]
    return " ".join(line.strip() for line in text.splitlines() if line.strip()).rstrip(".!?")


def error_of(error: duckdb.Error) -> SqlmlError:
    """The error of our tree that a driver's error stands for."""
    own = _OWN_ERROR.search(str(error))
    if own and own.group(1) in ERRORS:
        return ERRORS[own.group(1)](own.group(2))
    said = first_line(error)
    refused = _WRONG_ARGUMENTS.search(said)
    if refused:
        return InvalidArgument(
            f"{refused.group(1)} does not take these arguments; one is unknown, missing or given twice. It takes: "
            + said.partition("Candidate macros:")[2].strip()
        )
    if isinstance(error, duckdb.IOException) and "Could not set lock" in said:
        return DatabaseLocked(f"{said}. One process at a time can open a DuckDB file: close the other one, or wait")
    if isinstance(error, duckdb.TransactionException):
        return DatabaseLocked(f"{said}. Another job wrote the same rows at the same time; run it again")
    # Of a cast that a type does not have it also says that the data is wrong.
    return InvalidValue(said) if isinstance(error, duckdb.DataError) else EngineError(said)


@contextmanager
def wrapped_errors() -> Iterator[None]:
    """Raise a driver's error as one of our tree."""
    try:
        yield
    except duckdb.Error as error:
        raise error_of(error) from error
