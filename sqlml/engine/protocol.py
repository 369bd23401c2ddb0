"""What the rest of sqlml asks of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class CatalogEntry:
    """An object as the catalog reports it."""

    kind: str
    definition: str


class Engine(Protocol):
    """One session with a database. Statements take their values as named parameters, written ``$name``."""

    name: str
    """The engine in the metadata tables: ``duckdb`` or ``postgres``."""

    dialect: str
    """The dialect in which sqlglot writes for it."""

    runtimes: tuple[str, ...]
    """Where training can run: what ``runtime => ...`` may be."""

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run one statement and drop its rows."""

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement."""

    def arrow(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """All rows of one statement as an Arrow table."""

    def batches(self, sql: str, parameters: Parameters | None = None, size: int = 122_880) -> Iterator[pa.RecordBatch]:
        """The rows of one statement in batches of at most about ``size``, without holding all of them."""

    def append(self, table: exp.Table, rows: pa.Table) -> None:
        """Insert rows by column name into a table."""

    def has_table(self, table: exp.Table) -> bool:
        """Whether a table of this name exists."""

    def relation(self, text: str) -> str:
        """The SELECT that a caller's ``relation`` stands for: a quoted name, or the one SELECT that it is.

        Raises ``InvalidRelation`` where it is neither, does not run, or names what is not there.
        """

    def temporary(self, rows: pa.Table) -> AbstractContextManager[exp.Table]:
        """Arrow rows as a relation of this session, for as long as the context lasts."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside commits together, or nothing does; one writer at a time."""

    def materialized(self, query: exp.Query, parameters: Parameters | None = None) -> AbstractContextManager[exp.Table]:
        """The rows of a SELECT as a temporary table of this session, for as long as the context lasts."""

    def json_object(
        self, columns: Mapping[str, pa.DataType], table: str, keys: Mapping[str, str] | None = None
    ) -> exp.Expression:
        """These columns of a table as one JSON object; a number that JSON cannot hold becomes null.

        ``keys`` says by column under which key it stands, where that is not its name.
        """

    def json_values(self, document: exp.Expression, types: Mapping[str, str]) -> dict[str, exp.Expression]:
        """By key the value in a JSON object, read as a SQL type; NULL where the key is absent or its value null."""

    def catalog(self) -> dict[str, CatalogEntry]:
        """The tables, views and routines of schema ``sqlml``, and the routines elsewhere, by ``schema.name``."""

    def actor(self) -> str:
        """Who is asking, for the metadata tables."""

    def version(self) -> str:
        """The version of the database engine."""
