"""Whole columns out of PostgreSQL: aggregated there into bytes, one value per column, and read here as Arrow.

The same SELECT serves inside and outside the server. A NULL of a fixed width has bytes of its own (a NaN that
arithmetic does not make, or the smallest integer); where a value happens to have the same bytes, which the count of
values shows, the column is asked for again with a flag for each row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from numpy.typing import NDArray
from sqlglot import exp

from sqlml.engine.postgres.types import ColumnType
from sqlml.errors import EngineError

Bytes = bytes | None

_NULL_FLOAT4, _NULL_FLOAT8 = "ffb4716c", "fff4000073716c6d"
_FIXED: dict[str, tuple[str, str, str]] = {
    "float4": ("float4send(c)", ">f4", _NULL_FLOAT4),
    "float8": ("float8send(c)", ">f8", _NULL_FLOAT8),
    "numeric": ("float8send(CAST(c AS DOUBLE PRECISION))", ">f8", _NULL_FLOAT8),
    "int2": ("int2send(c)", ">i2", "8000"),
    "int4": ("int4send(c)", ">i4", "80000000"),
    "int8": ("int8send(c)", ">i8", "8000000000000000"),
    "oid": ("int8send(CAST(c AS BIGINT))", ">i8", "8000000000000000"),
    "date": ("date_send(c)", ">i4", "80000000"),
    "time": ("time_send(c)", ">i8", "8000000000000000"),
    "timestamp": ("timestamp_send(c)", ">i8", "8000000000000000"),
    "timestamptz": ("timestamptz_send(c)", ">i8", "8000000000000000"),
    "interval": ("interval_send(c)", ">i8,>i4,>i4", "8000000000000000" * 2),
    "bool": ("boolsend(c)", "u1", "02"),
}
"""By kind the function that gives the bytes of a value, how they are read, and the bytes that stand for NULL."""

_VARIABLE = {
    "text": "convert_to(CAST(c AS TEXT), 'UTF8')",
    "long_decimal": "convert_to(CAST(c AS TEXT), 'UTF8')",
    "other": "convert_to(CAST(c AS TEXT), 'UTF8')",
    "bytea": "c",
}
"""By kind the bytes of a value of any length."""

NULL_OF_FOUR = -1.7301937461845e-300
"""What stands for a NULL among doubles that are gathered four by four: SQL cannot write the NaN of the others."""

_INEXACT = "count(CASE WHEN abs(c) > 9007199254740992 AND CAST(CAST(c AS DOUBLE PRECISION) AS DECIMAL) <> c THEN 1 END)"
_EPOCH = {"date": 10_957, "timestamp": 946_684_800_000_000, "timestamptz": 946_684_800_000_000}
"""Days or microseconds from 1970-01-01, where Arrow counts from, to 2000-01-01, where PostgreSQL does."""


@dataclass(frozen=True)
class Column:
    """A column of a statement."""

    name: str
    type: ColumnType


def source_name(position: int) -> str:
    """What the source of :func:`columns_select` calls its columns: names may be absent, or stand twice."""
    return f"c{position}"


def columns_select(source: exp.Table, columns: Sequence[Column], flagged: Collection[int] = ()) -> exp.Select:
    """One row: the number of rows, the doubles in fours, then for each column what :func:`columns_read` reads it from.

    ``flagged`` are the positions of the columns that come with a flag for each row.
    """
    fours = _fours(columns, flagged)
    values: list[exp.Expression] = [exp.Count(this=exp.Star()), *map(_gathered, map(_sent_four, fours))]
    for position, column in enumerate(columns):
        value = exp.column(source_name(position))
        if not any(position in four for four in fours):
            values += map(_gathered, _pieces(column.type, value))
        if has_fixed_width(column.type):
            values.append(exp.Count(this=value.copy()))
        if column.type.kind == "numeric":
            values.append(_with(_INEXACT, value))
        if position in flagged:
            values.append(_gathered(_with(_FLAG, value)))
    return exp.select(*[value.as_(f"v{number}") for number, value in enumerate(values)]).from_(source)


def _fours(columns: Sequence[Column], flagged: Collection[int]) -> list[tuple[int, ...]]:
    """The positions of the doubles that are gathered four by four, as the ends of a line segment.

    One call sends four of them then, and one gathers them, which takes little more than half of the time.
    """
    doubles = [place for place, each in enumerate(columns) if each.type.kind == "float8" and place not in flagged]
    return [tuple(doubles[start : start + 4]) for start in range(0, len(doubles) - 3, 4)]


def _sent_four(positions: Sequence[int]) -> exp.Expression:
    null = exp.cast(exp.Literal.string(repr(NULL_OF_FOUR)), "DOUBLE PRECISION")
    first, second, third, fourth = (_call("coalesce", exp.column(source_name(each)), null) for each in positions)
    return _call("lseg_send", _call("lseg", _call("point", first, second), _call("point", third, fourth)))


_FLAG = "CASE WHEN c IS NULL THEN decode('01', 'hex') ELSE decode('00', 'hex') END"


class AmbiguousNull(Exception):
    """Values have the bytes that stand for NULL; the columns at ``positions`` must come with flags."""

    def __init__(self, positions: Collection[int]) -> None:
        super().__init__(positions)
        self.positions = frozenset(positions)


def columns_read(columns: Sequence[Column], parts: Sequence[Sequence[Any]], flagged: Collection[int] = ()) -> pa.Table:
    """The rows that were gathered: each of the ``parts`` is the one row of :func:`columns_select`, of other rows.

    Raises
    ------
    AmbiguousNull
        Where flags are needed.
    EngineError
        Where a value has no place in the column's Arrow type.
    """
    cells = map(_joined, zip(*parts, strict=True))
    n = next(cells)
    fours = _fours(columns, flagged)
    doubles = {position: values for four in fours for position, values in zip(four, _of_four(next(cells)), strict=True)}
    arrays, ambiguous = [], set()
    for position, column in enumerate(columns):
        pieces = [] if position in doubles else [next(cells) for _ in range(_piece_count(column.type))]
        known = next(cells) if has_fixed_width(column.type) else None
        inexact = next(cells) if column.type.kind == "numeric" else 0
        flags = next(cells) if position in flagged else None
        if inexact:
            raise EngineError(
                f"column {column.name!r} is NUMERIC without a precision and holds {inexact} numbers beyond 2^53 that "
                "no double is equal to; CAST it to BIGINT, NUMERIC(38, 0) or TEXT"
            )
        try:
            if position in doubles:
                missing = doubles[position] == NULL_OF_FOUR
                _refuse_ambiguous(missing, n, known)
                arrays.append(_fixed(column, doubles[position], missing, False))
            else:
                arrays.append(_array(column, n, iter(pieces), known, flags))
        except AmbiguousNull:
            ambiguous.add(position)
    if ambiguous:
        raise AmbiguousNull(ambiguous)
    return pa.Table.from_arrays(arrays, schema=schema_of(columns))


def _joined(cells: Sequence[Any]) -> Any:
    """The same cell of several parts as one: bytes one behind the other, and the sum of counts."""
    if len(cells) == 1:
        return cells[0]
    return sum(cells) if isinstance(cells[0], int) else b"".join(filter(None, cells))


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow types of columns."""
    return pa.schema([pa.field(column.name, column.type.arrow) for column in columns])


def has_fixed_width(type: ColumnType) -> bool:
    """Whether all values of a type take the same number of bytes."""
    return type.element is None and (type.kind in _FIXED or type.kind == "decimal")


def fixed_width(type: ColumnType) -> int:
    """How many bytes are gathered of each value of a type of which all take the same number."""
    return np.dtype(_FIXED["int8" if type.kind == "decimal" else type.kind][1]).itemsize


def _pieces(type: ColumnType, value: exp.Expression) -> list[exp.Expression]:
    """The bytes that are gathered of each value: of fixed width, or the length and the bytes; of an array its parts."""
    if type.element is not None:
        item = exp.column("v")
        parts = map(_gathered, _pieces(type.element, item))
        items = exp.TableAlias(this=exp.to_identifier("items"), columns=[exp.to_identifier("v")])
        unnested = exp.Table(this=_call("unnest", value), alias=items)
        return [_with(_ITEMS, value), *[exp.select(part).from_(unnested.copy()).subquery() for part in parts]]
    if type.kind == "decimal":
        return [_or_null(_scaled(value, type.arrow.scale), "8000000000000000")]
    if type.kind in _FIXED:
        sent, _, null = _FIXED[type.kind]
        return [_or_null(_with(sent, value), null)]
    sent_bytes = _with(_VARIABLE[type.kind], value)
    length = _call("int4send", _call("octet_length", sent_bytes))
    return [_or_null(length, "ffffffff"), sent_bytes.copy()]


_ITEMS = "coalesce(int4send(cardinality(c)), decode('ffffffff', 'hex'))"


def _piece_count(type: ColumnType) -> int:
    if type.element is not None:
        return 1 + _piece_count(type.element)
    return 1 if type.kind in _FIXED or type.kind == "decimal" else 2


def _scaled(value: exp.Expression, scale: int) -> exp.Expression:
    """A decimal without its point; a NaN, for which decimals have no place, as the bytes of NULL."""
    number = _call("nullif", value, exp.Literal.string("NaN"))
    scaled = exp.Mul(this=number, expression=exp.Literal.number(10**scale))
    return _call("int8send", exp.cast(exp.paren(scaled), "BIGINT"))


def _gathered(piece: exp.Expression) -> exp.Expression:
    return _call("string_agg", piece, exp.Literal.string(""))


def _or_null(sent: exp.Expression, null: str) -> exp.Expression:
    return _call("coalesce", sent, _call("decode", exp.Literal.string(null), exp.Literal.string("hex")))


def _call(function: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=function, expressions=[argument.copy() for argument in arguments])


@cache
def _parsed(text: str) -> exp.Expression:
    parsed: Any = sqlglot.condition(text, dialect="postgres")
    expression: exp.Expression = parsed
    return expression


def _with(text: str, value: exp.Expression) -> exp.Expression:
    """An expression in which the column ``c`` is this value."""
    parsed = _parsed(text).copy()
    if isinstance(parsed, exp.Column):
        return value.copy()
    for column in list(parsed.find_all(exp.Column)):
        column.replace(value.copy())
    return parsed


def _array(column: Column, n: int, pieces: Iterator[Bytes], known: int | None, flags: Bytes) -> pa.Array:
    type = column.type
    if type.element is not None:
        lengths, missing = _lengths(next(pieces), n)
        items = _array(Column(column.name, type.element), int(lengths.sum()), pieces, None, None)
        return pa.ListArray.from_arrays(pa.array(_offsets(lengths), mask=np.append(missing, False)), items)
    if type.kind in _VARIABLE:
        return _variable(column, n, next(pieces), next(pieces))
    _, layout, null = _FIXED["int8" if type.kind == "decimal" else type.kind]
    values = np.frombuffer(next(pieces) or b"", np.dtype(layout))
    if flags is not None:
        return _fixed(column, values, np.frombuffer(flags, np.uint8).astype(bool), True)
    missing = _have_bytes(values, bytes.fromhex(null))
    _refuse_ambiguous(missing, n, known)
    return _fixed(column, values, missing, False)


def _of_four(sent: Bytes) -> NDArray[np.float64]:
    """The doubles that were gathered four by four, one row for each of the four columns."""
    doubles: NDArray[np.float64] = np.frombuffer(sent or b"", ">f8").reshape(-1, 4).T.astype("=f8", order="C")
    return doubles


def _have_bytes(values: NDArray[Any], sent: bytes) -> NDArray[np.bool_]:
    # Words are compared much faster than bytes of any number.
    word = np.dtype(f"u{len(sent)}" if len(sent) <= 8 else (np.void, len(sent)))
    same: NDArray[np.bool_] = values.view(word) == np.frombuffer(sent, word)[0]
    return same


def _refuse_ambiguous(missing: NDArray[np.bool_], n: int, known: int | None) -> None:
    """Refuse values that may be NULL or not: of ``n`` so many are ``known``, where that was counted."""
    if known is not None and np.count_nonzero(missing) != n - known:
        raise AmbiguousNull((0,))


def _fixed(column: Column, values: NDArray[Any], missing: NDArray[np.bool_], is_flagged: bool) -> pa.Array:
    type, kind = column.type.arrow, column.type.kind
    if kind == "decimal":
        if is_flagged:
            raise EngineError(_NO_NAN.format(column.name, type.precision, type.scale))
        return _decimals(values, missing, type)
    if kind == "interval":
        return _intervals(values, missing)
    if kind == "bool":
        return pa.array(values == 1, mask=missing)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    if kind in _EPOCH:
        native = _moved(native, _EPOCH[kind])
    return pa.Array.from_buffers(type, len(native), [_validity(missing), pa.py_buffer(native)])


_NO_NAN = "column {!r} is NUMERIC({},{}) and holds NaN, for which decimals have no place; CAST it to DOUBLE PRECISION"


def _moved(values: NDArray[Any], days: int) -> NDArray[Any]:
    """Times counted from 1970 on; the infinite ones are the outermost numbers, as they are in DuckDB."""
    bounds = np.iinfo(values.dtype)
    with np.errstate(over="ignore"):
        moved: NDArray[Any] = values + values.dtype.type(days)
    moved[values == bounds.max] = bounds.max
    moved[values == bounds.min] = -bounds.max
    return moved


def _decimals(values: NDArray[np.int64], missing: NDArray[np.bool_], type: pa.DataType) -> pa.Array:
    """Decimals of 128 bits out of whole numbers of 64."""
    wide = np.empty((len(values), 2), "<i8")
    wide[:, 0] = values
    wide[:, 1] = values >> 63
    return pa.Array.from_buffers(type, len(values), [_validity(missing), pa.py_buffer(wide.tobytes())])


def _intervals(values: NDArray[Any], missing: NDArray[np.bool_]) -> pa.Array:
    parts = np.empty(len(values), "<i4,<i4,<i8")
    parts["f0"], parts["f1"], parts["f2"] = values["f2"], values["f1"], values["f0"] * 1000
    buffers = [_validity(missing), pa.py_buffer(parts.tobytes())]
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(values), buffers)


def _variable(column: Column, n: int, lengths: Bytes, data: Bytes) -> pa.Array:
    widths, missing = _lengths(lengths, n)
    kind = pa.binary() if column.type.kind in ("bytea", "other") else pa.string()
    buffers = [_validity(missing), pa.py_buffer(_offsets(widths).tobytes()), pa.py_buffer(data or b"")]
    array = pa.Array.from_buffers(kind, n, buffers)
    if column.type.kind != "long_decimal":
        return array
    if pc.any(pc.equal(array, "NaN")).as_py():
        raise EngineError(_NO_NAN.format(column.name, column.type.arrow.precision, column.type.arrow.scale))
    return array.cast(column.type.arrow)


def _lengths(sent: Bytes, n: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The lengths of values, and which of them are NULL."""
    lengths = np.frombuffer(sent or b"", ">i4").astype(np.int64)
    if len(lengths) != n:
        raise EngineError(f"PostgreSQL gave {len(lengths)} lengths for {n} values; please report this")
    return np.maximum(lengths, 0), lengths < 0


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)


def _validity(missing: NDArray[np.bool_]) -> pa.Buffer | None:
    return pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes()) if missing.any() else None
