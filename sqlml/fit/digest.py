"""Fingerprints of rows and of a data set: the same values give the same number in any order and any engine.

A fingerprint tells accidental changes apart; it is not proof against someone who looks for a collision.
"""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sqlml.fit.chunks import EXACT, plain_array
from sqlml.fit.threads import allowed_threads, by_column
from sqlml.kernel.arrow_types import logical_type
from sqlml.kernel.doubles import doubles

if TYPE_CHECKING:
    from sqlml.fit.rows import Rows

_MISSING = np.uint64(0x7FF0_0000_0000_5EED)  # a NaN that no computation gives
_BLOCK = 32_768  # rows whose intermediate results stay in the processor's cache


def row_digests(table: pa.Table) -> NDArray[np.uint64]:
    """A 64-bit fingerprint per row: the mixed sum over columns of ``mix(value ^ key of the column's name)``.

    The name enters in lower case, the position of the column not at all. Integers, decimals, floats and
    booleans are compared as the double they are read as (so 1 = 1.0 = true, and -0.0 = 0.0); integers that no
    double holds keep all their bits. NULL and NaN are the same missing value, as they are for every model.
    Dates and timestamps count microseconds since 1970; text is hashed by its UTF-8 bytes. Chunks and
    dictionaries do not matter. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).

    >>> one = pa.table({"a": [1, 2], "b": ["x", None]})
    >>> two = pa.table({"b": [None, "x"], "A": [2.0, 1.0]})
    >>> bool((row_digests(one) == row_digests(two)[::-1]).all())
    True
    """
    parts = max(1, min(allowed_threads(), table.num_columns))
    shares = [range(start, table.num_columns, parts) for start in range(parts)]
    sums = by_column(lambda share: _sum_of_columns(table.select(share)), shares, table.num_rows)
    return mixed(reduce(np.add, sums))


def _sum_of_columns(table: pa.Table) -> NDArray[np.uint64]:
    total = np.zeros(table.num_rows, dtype=np.uint64)
    for name, column in zip(table.column_names, table.columns, strict=True):
        key = np.uint64(text_hash(name.lower().encode()))
        bits = value_bits(plain_array(column))
        for start in range(0, len(total), _BLOCK):
            total[start : start + _BLOCK] += mixed(bits[start : start + _BLOCK] ^ key)
    return total


def dataset_digest(rows: Rows) -> str:
    """The identity of the rows as a data set: SHA-256, in hexadecimal, the same in any order of rows.

    It covers the digest of every row, which covers target, weight, time and group, and the task, the classes,
    and the names and types of the features.
    """
    columns = sorted((column.name.lower(), column.type) for column in rows.columns)
    header = {"task": rows.task, "classes": rows.classes, "columns": columns, "rows": len(rows)}
    body = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    body.update(np.sort(rows.digest).astype("<u8").tobytes())
    return body.hexdigest()


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words in which every bit of the result depends on every bit of the value."""
    out: NDArray[np.uint64] = values + np.uint64(0x9E37_79B9_7F4A_7C15)
    for shift, factor in ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)):
        out ^= out >> np.uint64(shift)
        out *= np.uint64(factor)
    out ^= out >> np.uint64(31)
    return out


def seeded(values: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Another order of fingerprints for every seed; equal fingerprints stay equal."""
    return mixed(values ^ np.uint64(text_hash(b"seed %d" % seed)))


def text_hash(value: bytes) -> int:
    """The first 64 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


def value_bits(values: pa.Array) -> NDArray[np.uint64]:
    """64 bits per value that are equal where the values are, in the sense of :func:`row_digests`."""
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        bits = _microseconds(values)
    elif logical_type(kind) in ("boolean", "integer", "number", None):
        return _number_bits(values)
    else:
        return _text_bits(values)
    bits[np.asarray(values.is_null())] = _MISSING
    return bits


def _number_bits(values: pa.Array) -> NDArray[np.uint64]:
    numbers = doubles(values) + 0.0  # -0.0 becomes 0.0
    bits: NDArray[np.uint64] = numbers.view(np.uint64)
    bits[np.isnan(numbers)] = _MISSING
    large = np.abs(numbers) >= EXACT if pa.types.is_integer(values.type) else np.False_
    if np.any(large):
        bits[large] = mixed(pc.fill_null(values, 0).to_numpy()[large].astype(np.uint64))
    return bits


def _microseconds(values: pa.Array) -> NDArray[np.uint64]:
    """Microseconds since 1970 as 64 bits; a time zone is only a way to print an instant."""
    if pa.types.is_date(values.type):
        days = pc.fill_null(pc.cast(pc.cast(values, pa.date32()), pa.int32()), 0).to_numpy().astype(np.int64)
        return np.asarray(days * 86_400_000_000).view(np.uint64)
    stamps = pc.cast(values, pa.timestamp("us", tz=values.type.tz), safe=False)
    return np.array(pc.fill_null(pc.cast(stamps, pa.int64()), 0)).view(np.uint64)


def _text_bits(values: pa.Array) -> NDArray[np.uint64]:
    """The hash of each distinct value, dealt out to the rows."""
    encoded = pc.dictionary_encode(pc.cast(values, pa.large_binary()))
    hashes = [text_hash(value) for value in encoded.dictionary.to_pylist()]
    table = np.array([*hashes, _MISSING], dtype=np.uint64)
    return np.asarray(table[pc.fill_null(encoded.indices, len(hashes)).to_numpy()])
