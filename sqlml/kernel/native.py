"""Compiling the kernels to machine code. The only module that imports numba; import it late, it takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types

from sqlml.spec import Tree, Trees

Function = TypeVar("Function", bound=Callable[..., Any])

STUMP = Trees(1, (Tree((), (), (), (), (), (), (0.0,)),))
"""The smallest trees there are: tables made of them show the types of all tables."""


def scores_matrix(tables: object) -> Callable[[Function], Function]:
    """Compile a function ``(matrix, raw, tables) -> None`` that runs without the GIL.

    ``matrix`` is float64 of any layout and only read, ``raw`` float64 in C order, and the tables of the types of the
    example given. The machine code is kept for later processes in ``NUMBA_CACHE_DIR``, else beside the source, else
    in the user's cache folder; where none of them can be written or read, it is made for this process alone.
    """
    matrix = types.Array(types.float64, 2, "A", readonly=True)
    signature = types.void(matrix, types.float64[:, ::1], numba.typeof(tables))  # type: ignore[no-untyped-call]

    def compiled(function: Function) -> Function:
        try:
            result = numba.njit(signature, nogil=True, cache=True)(function)
        except Exception:
            # A fault of the function itself comes up again here; a fault of the cache only costs the time.
            result = numba.njit(signature, nogil=True)(function)
        return cast(Function, result)

    return compiled


def part_of_native(function: Function) -> Function:
    """A function that only compiled functions of its own module call; it is compiled as a part of them.

    Of its own module only: the machine code on disk is renewed when the module of the outer function changes.
    """
    return cast(Function, numba.njit(nogil=True)(function))
