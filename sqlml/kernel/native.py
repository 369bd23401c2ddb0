"""Compiling the kernels to machine code. The only module that imports numba; import it late, it takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args, get_type_hints

import numba
import numpy as np
from numba import types

Function = TypeVar("Function", bound=Callable[..., Any])


def scores_matrix(tables: type[tuple[Any, ...]]) -> Callable[[Function], Function]:
    """Compile a function ``(matrix, raw, tables) -> None`` that runs without the GIL.

    ``matrix`` is float64 of any layout and only read, ``raw`` float64 in C order. ``tables`` is a NamedTuple of
    arrays or of others like it, defined in the module of the function: the machine code that is kept for later
    processes is renewed when that module changes, and only then. It is kept in ``NUMBA_CACHE_DIR``, else beside the
    source, else in the user's cache folder; where none can be written or read, it is made for this process alone.
    """
    matrix = types.Array(types.float64, 2, "A", readonly=True)
    signature = types.void(matrix, types.float64[:, ::1], _numba_type(tables))

    def compiled(function: Function) -> Function:
        try:
            result = numba.njit(signature, nogil=True, cache=True)(function)
        except Exception:
            # A fault of the function itself comes up again here; a fault of the cache only costs the time.
            result = numba.njit(signature, nogil=True)(function)
        return cast(Function, result)

    return compiled


def part_of_native(function: Function) -> Function:
    """A function that only compiled functions of its own module call; it is compiled as a part of them."""
    return cast(Function, numba.njit(nogil=True)(function))


def _numba_type(annotation: Any) -> types.Type:
    """The type of an ``NDArray[...]`` in C order with one dimension, or of a NamedTuple of such."""
    if hasattr(annotation, "_fields"):
        hints = get_type_hints(annotation)
        fields = [_numba_type(hints[field]) for field in annotation._fields]
        return types.NamedTuple(fields, annotation)  # type: ignore[no-untyped-call]
    (scalar,) = get_args(get_args(annotation)[1])
    return types.Array(numba.from_dtype(np.dtype(scalar)), 1, "C")
