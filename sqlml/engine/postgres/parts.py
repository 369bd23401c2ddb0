"""Some of the rows of a copy in PostgreSQL: those of a range of its pages, read, and written with what is made of them.

A scan of a temporary table gives its rows in the order in which they are stored, each time. So the number of a row in
its part says which of the values that were made of the part is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from pyarrow import types
from sqlglot import exp

from sqlml.engine.postgres.rows import array_text
from sqlml.engine.postgres.types import named_type, sql_type

CHUNK_BYTES = 64 * 1024**2
"""A part has about so many bytes at most, as they are stored."""

_ROW = "sqlml_row"
"""The number of a row in its part, from 1."""


class _WithTexts(Protocol):
    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""


@dataclass(frozen=True)
class CopiedPart:
    """The rows of some pages of a copy; see :class:`sqlml.engine.protocol.Part`."""

    statements: _WithTexts
    table: exp.Table
    pages: tuple[int, int]
    rows: pa.RecordBatch

    def write(self, values: pa.Table, insert: Callable[[exp.Expr], exp.Insert]) -> None:
        """Run the INSERT of these rows with their values, which go along as one array for each column."""
        texts: list[str] = []
        made = [_value_at(exp.column(_ROW), values.column(name), texts).as_(name) for name in values.column_names]
        number = exp.Window(this=exp.RowNumber()).as_(_ROW)
        rows = rows_of_pages(self.table, self.pages, exp.Star(), number).subquery("numbered")
        part = exp.select("*", *made).from_(rows).subquery("part")
        self.statements.with_texts(insert(part).sql("postgres"), texts)


def page_ranges(pages: int, stored: int, n: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of pages that hold about ``size`` of ``n`` rows each, or less where they are large."""
    step = max(1, min(pages * size // max(1, n), pages * CHUNK_BYTES // max(1, stored)))
    return ((start, min(start + step, pages)) for start in range(0, pages, step))


def rows_of_pages(table: exp.Table, pages: tuple[int, int], *columns: exp.Expr) -> exp.Select:
    """These columns of the rows that lie in a range of pages."""
    first, end = (f"'({page},0)'::tid" for page in pages)
    within = sqlglot.condition(f"ctid >= {first} AND ctid < {end}", dialect="postgres")
    return exp.select(*columns).from_(table.copy()).where(within)


def _value_at(place: exp.Expr, column: pa.ChunkedArray, texts: list[str]) -> exp.Expr:
    """The value of a row out of an array, which is a parameter of the statement and is added to ``texts``.

    To find an element at once PostgreSQL needs elements of one width, and no NULL among them. So a text goes as the
    number of its first like, in an array of the few that there are; a number beyond the array is NULL.
    """
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return _element(column, place, texts)
    coded = pc.dictionary_encode(column).combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    numbers = pc.add(coded.indices.cast(pa.int32()), pa.scalar(1, pa.int32())).fill_null(0)
    code = _element(pa.chunked_array([numbers]), place, texts)
    return _element(pa.chunked_array([coded.dictionary]), code, texts)


def _element(values: pa.ChunkedArray, place: exp.Expr, texts: list[str]) -> exp.Expr:
    texts.append(array_text(values))
    kind = named_type(f"{sql_type(values.type)}[]")
    # A SELECT of its own, which depends on no row, is run once and not for each row.
    array = exp.select(exp.cast(exp.Parameter(this=exp.Literal.number(len(texts))), kind)).subquery()
    return exp.Bracket(this=array, expressions=[place.copy()], offset=1)
