"""PostgreSQL's types as Arrow's, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types
from sqlglot import exp

from sqlml.engine.protocol import Parameters
from sqlml.errors import EngineError

Rows = Callable[[str, Parameters], list[tuple[Any, ...]]]

_NUMERIC = 1700
_PLAIN: dict[int, tuple[str, pa.DataType]] = {
    16: ("bool", pa.bool_()),
    20: ("int8", pa.int64()),
    21: ("int2", pa.int16()),
    23: ("int4", pa.int32()),
    26: ("oid", pa.int64()),
    700: ("float4", pa.float32()),
    701: ("float8", pa.float64()),
    17: ("bytea", pa.binary()),
    1082: ("date", pa.date32()),
    1083: ("time", pa.time64("us")),
    1114: ("timestamp", pa.timestamp("us")),
    1184: ("timestamptz", pa.timestamp("us", tz="UTC")),
    1186: ("interval", pa.month_day_nano_interval()),
    **dict.fromkeys((18, 19, 25, 1042, 1043, 114, 3802, 2950, 142, 869, 650, 829, 774), ("text", pa.string())),
}
"""By number of a type how its values are read, and as what; texts are also json, uuid, xml, addresses of networks."""

_OTHER = ("other", pa.binary())
"""What no model can read: its text as bytes, which every check refuses, as it does a BLOB."""

_LOOKED_UP = """
WITH RECURSIVE asked AS (
  SELECT oid AS asked, oid, typtype, typbasetype, typtypmod, typelem, typcategory, typsubscript
  FROM pg_catalog.pg_type WHERE oid = ANY (CAST($numbers AS oid[]))
  UNION ALL
  SELECT asked.asked, base.oid, base.typtype, base.typbasetype,
         CASE WHEN asked.typtypmod >= 0 THEN asked.typtypmod ELSE base.typtypmod END,
         base.typelem, base.typcategory, base.typsubscript
  FROM asked JOIN pg_catalog.pg_type AS base ON base.oid = asked.typbasetype
  WHERE asked.typtype = 'd'
)
SELECT asked::bigint, oid::bigint, typtypmod, typcategory::text,
       CASE WHEN typsubscript = 'pg_catalog.array_subscript_handler'::regproc THEN typelem::bigint ELSE 0 END
FROM asked WHERE typtype <> 'd'
"""


@dataclass(frozen=True)
class ColumnType:
    """How values of a type are read, and the Arrow type that they become.

    ``kind`` is the key of :data:`sqlml.engine.postgres.columns.PIECES`; ``element`` is the type of an array's values.
    """

    kind: str
    arrow: pa.DataType
    element: ColumnType | None = None


def column_types(described: Sequence[tuple[int, int]], rows: Rows) -> list[ColumnType]:
    """The types of columns that are given by number and modifier; ``rows`` reads the catalog where it must."""
    unknown = {number for number, _ in described if number not in _PLAIN and number != _NUMERIC}
    known = _looked_up(unknown, rows)
    elements = {found.element for found in known.values() if found.element and found.element not in _PLAIN}
    known |= _looked_up(elements - known.keys() - {_NUMERIC}, rows)
    return [_column_type(number, modifier, known) for number, modifier in described]


@dataclass(frozen=True)
class _Found:
    base: int
    modifier: int
    category: str
    element: int


def _looked_up(numbers: Iterable[int], rows: Rows) -> dict[int, _Found]:
    asked = ",".join(map(str, sorted(numbers)))
    return {row[0]: _Found(*row[1:]) for row in rows(_LOOKED_UP, {"numbers": f"{{{asked}}}"})} if asked else {}


def _column_type(number: int, modifier: int, known: Mapping[int, _Found]) -> ColumnType:
    if number in _PLAIN:
        return ColumnType(*_PLAIN[number])
    if number == _NUMERIC:
        return _numeric(modifier)
    found = known.get(number)
    if found is None:
        return ColumnType(*_OTHER)
    if found.element:
        element = _column_type(found.element, modifier, known)
        return ColumnType("array", pa.list_(element.arrow), element)
    if found.base != number:
        return _column_type(found.base, found.modifier if modifier < 0 else modifier, known)
    return ColumnType("text", pa.string()) if found.category in ("S", "E") else ColumnType(*_OTHER)


def _numeric(modifier: int) -> ColumnType:
    """A NUMERIC of stated precision is a decimal, as it is in DuckDB; one without is the nearest double.

    Arrow has no number of unbounded precision, and a type that follows the values would change with the rows.
    """
    if modifier >= 4:
        precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
        if precision <= 18 and scale <= precision:
            return ColumnType("decimal", pa.decimal128(precision, scale))
        if precision <= 38 and scale <= precision:
            return ColumnType("long_decimal", pa.decimal128(precision, scale))
    return ColumnType("numeric", pa.float64())


_SQL_NAMES = {
    pa.null(): "text",
    pa.bool_(): "boolean",
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "integer",
    pa.uint32(): "bigint",
    pa.uint64(): "numeric(20)",
    pa.float16(): "real",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.date32(): "date",
    pa.date64(): "date",
    pa.month_day_nano_interval(): "interval",
}


def sql_type(type: pa.DataType) -> str:
    """The type of a column of PostgreSQL that holds values of an Arrow type.

    Raises
    ------
    EngineError
        Where there is none.

    >>> sql_type(pa.list_(pa.dictionary(pa.int8(), pa.string()))), sql_type(pa.decimal128(10, 2))
    ('text[]', 'numeric(10,2)')
    """
    if types.is_dictionary(type):
        return sql_type(type.value_type)
    if type in _SQL_NAMES:
        return _SQL_NAMES[type]
    if types.is_string(type) or types.is_large_string(type) or types.is_string_view(type):
        return "text"
    if types.is_binary(type) or types.is_large_binary(type) or types.is_fixed_size_binary(type):
        return "bytea"
    if types.is_decimal(type):
        return f"numeric({type.precision},{type.scale})"
    if types.is_timestamp(type):
        return "timestamp" if type.tz is None else "timestamptz"
    if types.is_time(type):
        return "time"
    if types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type):
        return f"{sql_type(type.value_type)}[]"
    raise EngineError(f"PostgreSQL has no column type for Arrow's {type}; take the values out of it as columns")


def named_type(text: str) -> exp.DataType:
    """A type in the words of the server itself."""
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=text)
