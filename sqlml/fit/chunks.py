"""Arrow columns as they are used here: one chunk, no dictionary."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

EXACT = 2**53
"""Every integer up to this size is a double."""


def plain_array(column: pa.ChunkedArray) -> pa.Array:
    """The column as one chunk, without a dictionary; text with 64-bit offsets, so that its size has no limit.

    >>> plain_array(pa.chunked_array([["a"], ["b"]]).dictionary_encode()).to_pylist()
    ['a', 'b']
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        column = pc.cast(column, pa.large_string())
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks or [pa.array([], column.type)])
