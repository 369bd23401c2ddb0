"""What an Arrow type is to a model: its logical type, its name in SQL, and what to do about one that is refused."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types

UNSUPPORTED = "unsupported"
"""The logical type of every Arrow type that no model can read; no :class:`sqlml.spec.Column` has or accepts it."""

CAST_TARGETS = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DOUBLE PRECISION",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
"""The SQL type, understood by every engine, to cast to for each logical type."""

_SQL_NAMES = {
    "null": "NULL",
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE PRECISION",
    "date32[day]": "DATE",
    "month_day_nano_interval": "INTERVAL",
}


def logical_type(type: pa.DataType) -> str | None:
    """One of ``spec.COLUMN_TYPES``; ``None`` for the type of a bare NULL, which fits every column.

    Anything else (a timestamp with time zone, a time, an interval, a list, a struct, bytes, ...) is
    :data:`UNSUPPORTED`: a new column must not have it, and :func:`sql_name` and :func:`remedy` say why in words.

    >>> logical_type(pa.decimal128(10, 2)), logical_type(pa.dictionary(pa.int8(), pa.string())), logical_type(pa.null())
    ('number', 'text', None)
    >>> logical_type(pa.timestamp("us", tz="UTC"))
    'unsupported'
    """
    if types.is_null(type):
        return None
    if types.is_boolean(type):
        return "boolean"
    if types.is_integer(type):
        return "integer"
    if types.is_floating(type) or types.is_decimal(type):
        return "number"
    if is_text(type):
        return "text"
    if types.is_date(type):
        return "date"
    if types.is_timestamp(type) and type.tz is None:
        return "timestamp"
    return UNSUPPORTED


def is_text(type: pa.DataType) -> bool:
    """Whether values of this type are strings, stored plainly or through a dictionary."""
    if types.is_dictionary(type):
        return is_text(type.value_type)
    return bool(types.is_string(type) or types.is_large_string(type) or types.is_string_view(type))


def sql_name(type: pa.DataType) -> str:
    """What SQL calls a type, for messages.

    >>> sql_name(pa.timestamp("us", tz="Europe/Berlin")), sql_name(pa.list_(pa.float32())), sql_name(pa.uint8())
    ('TIMESTAMP WITH TIME ZONE', 'REAL[]', 'UINT8')
    """
    if is_text(type):
        return "VARCHAR"
    if types.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    if types.is_timestamp(type):
        return "TIMESTAMP" if type.tz is None else "TIMESTAMP WITH TIME ZONE"
    if types.is_time(type):
        return "TIME"
    if types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type):
        return f"{sql_name(type.value_type)}[]"
    if types.is_nested(type):
        return "MAP" if types.is_map(type) else "STRUCT"
    if types.is_binary(type) or types.is_large_binary(type):
        return "BLOB"
    return _SQL_NAMES.get(str(type), str(type).upper())


def remedy(type: pa.DataType) -> str:
    """What to do about a type that is :data:`UNSUPPORTED`, as the end of a sentence.

    >>> remedy(pa.timestamp("us", tz="UTC"))
    "its parts depend on the session's time zone; turn it into a TIMESTAMP with AT TIME ZONE 'UTC'"
    """
    if types.is_timestamp(type):
        return "its parts depend on the session's time zone; turn it into a TIMESTAMP with AT TIME ZONE 'UTC'"
    if types.is_time(type) or types.is_interval(type) or types.is_duration(type):
        return "turn it into a number of seconds with EXTRACT(epoch FROM ...)"
    if types.is_nested(type):
        return "take the values that matter out of it as columns of their own"
    return "CAST it to a number, to VARCHAR, DATE or TIMESTAMP"
