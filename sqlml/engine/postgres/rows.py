"""Arrow rows into PostgreSQL: as text that its types read, in CSV for COPY, or joined to one text for each column."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, types

from sqlml.errors import InvalidData

_CSV = csv.WriteOptions(include_header=False, quoting_style="all_valid")
_CHUNK_BYTES = 32 * 1024**2
_CHUNK_ROWS = 100_000


def chunked(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows in parts of which no column comes near to what one value of PostgreSQL can hold."""
    size = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES * rows.num_rows // max(1, rows.nbytes)))
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def csv_bytes(rows: pa.Table) -> pa.Buffer:
    r"""The rows as CSV without a header; every value in quotes, NULL as nothing.

    >>> csv_bytes(pa.table({"a": [1.5, None], "b": ["", "x"]})).to_pybytes()
    b'"1.5",""\n,"x"\n'
    """
    texts = pa.table([text_values(name, rows.column(name)) for name in rows.column_names], names=rows.column_names)
    stream = pa.BufferOutputStream()
    csv.write_csv(texts, stream, _CSV)
    return stream.getvalue()


@dataclass(frozen=True)
class JoinedRows:
    """Rows as one text for each column; a value ends at ``separator``, and one that is ``null`` is NULL."""

    columns: tuple[str, ...]
    separator: str
    null: str


def joined_rows(rows: pa.Table) -> JoinedRows:
    r"""The rows as one text for each column.

    >>> joined_rows(pa.table({"a": [1.5, None], "b": ["x", ""]}))
    JoinedRows(columns=('1.5\x1f\x1e', 'x\x1f'), separator='\x1f', null='\x1e')
    """
    texts = [text_values(name, rows.column(name)) for name in rows.column_names]
    free = [text for text, kind in zip(texts, rows.schema.types, strict=True) if not types.is_primitive(kind)]
    separator, null = _absent("\x1f", free), _absent("\x1e", free)
    return JoinedRows(tuple(_joined(text, separator, null) for text in texts), separator, null)


def array_text(column: pa.ChunkedArray) -> str:
    r"""The values of a column as the text of one array.

    >>> array_text(pa.chunked_array([[1.5, None]])), array_text(pa.chunked_array([['a"b', "NULL"]]))
    ('{1.5,NULL}', '{"a\\"b","NULL"}')
    """
    texts = text_values("", column).cast(pa.large_string())
    is_plain = types.is_primitive(column.type) and not types.is_temporal(column.type)
    items = texts.fill_null("NULL") if is_plain else _quoted(texts)
    return f"{{{_joined(items, ',')}}}"


def _absent(mark: str, texts: Sequence[pa.Array]) -> str:
    """A mark that no text contains: this one, or else one that is made up."""
    while any(pc.any(pc.match_substring(text, mark)).as_py() for text in texts):
        mark = secrets.token_hex(16)
    return mark


def _joined(text: pa.Array, between: str, null: str | None = None) -> str:
    lists = pa.LargeListArray.from_arrays([0, len(text)], text if null is None else text.fill_null(null))
    return str(pc.binary_join(lists, pa.scalar(between, pa.large_string()))[0].as_py())


def text_values(name: str, column: pa.ChunkedArray) -> pa.Array:
    """The values of a column as text that PostgreSQL's type of the same kind reads; NULL stays NULL.

    Raises
    ------
    InvalidData
        Where a text holds a NUL byte.
    """
    values = column.combine_chunks()
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if types.is_list(values.type) or types.is_large_list(values.type) or types.is_fixed_size_list(values.type):
        return _lists(name, values)
    if types.is_binary(values.type) or types.is_large_binary(values.type) or types.is_fixed_size_binary(values.type):
        hexadecimal = [None if value is None else f"\\x{value.hex()}" for value in values.to_pylist()]
        return pa.array(hexadecimal, pa.large_string())
    if types.is_interval(values.type):
        return pa.array([_interval(value) for value in values.to_pylist()], pa.large_string())
    text = _times(values).cast(pa.large_string())
    if types.is_string(values.type) or types.is_large_string(values.type) or types.is_string_view(values.type):
        _refuse_nul(name, text)
    return text


def _refuse_nul(name: str, text: pa.Array) -> None:
    found = pc.sum(pc.match_substring(text, "\0")).as_py()
    if found:
        raise InvalidData(
            f"{found} values of column {name!r} hold a NUL byte, which no text in PostgreSQL can; take it out with "
            "replace(), or leave the rows out"
        )


def _quoted(text: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    quote, nothing = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(quote, escaped, quote, nothing).fill_null("NULL")


def _lists(name: str, lists: pa.Array) -> pa.Array:
    """Each list as the text of an array."""
    lists = lists.cast(pa.large_list(lists.type.value_type))
    items = _quoted(text_values(name, pa.chunked_array([lists.flatten()])))
    lengths = pc.list_value_length(lists).fill_null(0)
    offsets = pc.cumulative_sum(lengths)
    plain = pa.LargeListArray.from_arrays(pa.concat_arrays([pa.array([0], offsets.type), offsets]), items)
    joined = pc.binary_join(plain, pa.scalar(",", pa.large_string()))
    brace, close = pa.scalar("{", pa.large_string()), pa.scalar("}", pa.large_string())
    texts = pc.binary_join_element_wise(brace, joined, close, pa.scalar("", pa.large_string()))
    return pc.if_else(lists.is_valid(), texts, pa.scalar(None, pa.large_string()))


def _times(values: pa.Array) -> pa.Array:
    """Times to the microsecond, and infinite ones in words; other values as they are."""
    if types.is_float16(values.type):
        return values.cast(pa.float32())
    if types.is_timestamp(values.type):
        precise = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        return _with_infinities(precise, precise.cast(pa.int64()), 2**63 - 1)
    if types.is_date32(values.type):
        return _with_infinities(values, values.cast(pa.int32()), 2**31 - 1)
    if types.is_time(values.type):
        return values.cast(pa.time64("us"), safe=False)
    return values


def _with_infinities(times: pa.Array, numbers: pa.Array, infinite: int) -> pa.Array:
    """Times of which the outermost stand for infinity, as they do in DuckDB; as text where there are such."""
    later, earlier = pc.equal(numbers, infinite), pc.equal(numbers, -infinite)
    is_infinite = pc.or_(later, earlier)
    if not pc.any(is_infinite).as_py():
        return times
    text = pc.if_else(is_infinite, pa.scalar(None, times.type), times).cast(pa.large_string())
    text = pc.if_else(later.fill_null(False), pa.scalar("infinity", pa.large_string()), text)
    return pc.if_else(earlier.fill_null(False), pa.scalar("-infinity", pa.large_string()), text)


def _interval(value: pa.MonthDayNano | None) -> str | None:
    return None if value is None else f"{value[0]} months {value[1]} days {value[2] // 1000} microseconds"
