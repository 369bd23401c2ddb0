"""Arrow numbers as doubles, bit for bit what ``CAST(x AS DOUBLE)`` gives in DuckDB."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

EXACT_INTEGER = 2**53
"""Every integer up to this size is a double."""

EXACT_SCALE = 22
"""Every power of ten up to this one is a double, so that one division rounds once."""

NARROW_PRECISION = 18
"""DuckDB keeps a DECIMAL of at most this many digits in 64 bits, a wider one and a HUGEINT in 128."""


def doubles(array: pa.Array) -> NDArray[np.float64]:
    """The values as float64 of shape (n,); NULL is NaN, false 0 and true 1.

    ``array`` is of booleans, integers, floats or decimals, or a bare NULL. A number that no double equals
    becomes the nearest one, except a HUGEINT or a wide DECIMAL without fraction, of which DuckDB rounds the
    upper and the lower 64 bits apart.

    >>> doubles(pa.array([1, None, 2**53 + 1])).tolist()
    [1.0, nan, 9007199254740992.0]
    """
    if types.is_null(array.type):
        return np.full(len(array), np.nan)
    if types.is_decimal256(array.type):
        return np.array([np.nan if value is None else float(value) for value in array.to_pylist()], dtype=np.float64)
    if types.is_decimal(array.type):
        values = _decimals(array.cast(pa.decimal128(array.type.precision, array.type.scale)))
        if array.null_count:
            values[array.is_null().to_numpy(zero_copy_only=False)] = np.nan
        return values
    plain = array.cast(pa.int8()) if types.is_boolean(array.type) else array
    values = plain.to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64)


def _decimals(array: pa.Array) -> NDArray[np.float64]:
    """Decimals of 128 bits as doubles; what stands for a NULL is arbitrary."""
    words = np.frombuffer(array.buffers()[1], dtype=np.int64, count=2 * (array.offset + len(array)))
    low, high = words[2 * array.offset :: 2], words[2 * array.offset + 1 :: 2]
    scale = array.type.scale
    if scale == 0:
        return low.astype(np.float64) if array.type.precision <= NARROW_PRECISION else _word_by_word(low, high)
    values = np.asarray(low / 10.0**scale, dtype=np.float64)
    inexact = (high != low >> 63) | (low > EXACT_INTEGER) | (low < -EXACT_INTEGER) | (scale > EXACT_SCALE)
    power = 10**scale
    for position in np.flatnonzero(inexact).tolist():
        digits = (int(high[position]) << 64) + int(low[position]) % 2**64
        values[position] = digits / power
    return values


def _word_by_word(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.float64]:
    """Integers of 128 bits as doubles, each word rounded on its own; one above -2**64 by its distance from it."""
    unsigned = low.astype(np.uint64)
    above = -(~unsigned).astype(np.float64) - 1.0
    return np.asarray(np.where(high == -1, above, unsigned.astype(np.float64) + high.astype(np.float64) * 2.0**64))
