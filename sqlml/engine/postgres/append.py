"""Arrow rows into a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp

from sqlml.engine.postgres.rows import chunked, csv_bytes, joined_rows
from sqlml.engine.postgres.statements import Statements
from sqlml.engine.postgres.types import named_type

MANY_ROWS = 5_000
"""From here on rows go by COPY, where the driver has it."""

_TAKES_COPY = """
SELECT relkind IN ('r', 'p') AND NOT row_security_active(oid) FROM pg_class WHERE oid = to_regclass($name)
"""
_TYPES = """
SELECT attname, format_type(atttypid, -1) FROM pg_attribute
WHERE attrelid = to_regclass($name) AND attnum > 0 AND NOT attisdropped
"""


def append(statements: Statements, table: exp.Table, rows: pa.Table) -> None:
    """Insert rows by column name into a table, by COPY where there are many and the table takes it."""
    names = [exp.to_identifier(name, quoted=True) for name in rows.column_names]
    name = {"name": table.sql("postgres")}
    if rows.num_rows >= MANY_ROWS and statements.run(_TAKES_COPY, name) == [(True,)]:
        target = exp.Schema(this=table.copy(), expressions=names)
        options = [exp.CopyParameter(this=exp.var("FORMAT"), expression=exp.var("csv"))]
        copy = exp.Copy(this=target, kind=True, files=[exp.var("STDIN")], params=options)
        if statements.copy(copy.sql("postgres"), (csv_bytes(part) for part in chunked(rows))):
            return
    types = dict(statements.run(_TYPES, name))
    values = _joined_values([types.get(name, "text") for name in rows.column_names])
    insert = exp.insert(exp.select(*values), table.copy(), columns=names).sql("postgres")
    for part in chunked(rows):
        joined = joined_rows(part)
        statements.with_texts(insert, [*joined.columns, joined.separator, joined.null])


def _joined_values(types: Sequence[str]) -> list[exp.Expr]:
    """The columns of :func:`joined_rows`, of these types, which come as ``$1`` and so on."""
    separator, null = _given(len(types)), _given(len(types) + 1)
    return [
        exp.cast(_items(_given(position), separator, null), named_type(type)) for position, type in enumerate(types)
    ]


def _given(position: int) -> exp.Parameter:
    return exp.Parameter(this=exp.Literal.number(position + 1))


def _items(text: exp.Expression, separator: exp.Expression, null: exp.Expression) -> exp.Expression:
    """The rows of a column, of which there are some: a text of length 0 is one value and not none."""
    items = exp.Anonymous(this="string_to_array", expressions=[text, separator.copy(), null.copy()])
    none, one = (exp.cast(exp.Literal.string(array), named_type("text[]")) for array in ("{}", '{""}'))
    known = exp.Anonymous(this="coalesce", expressions=[exp.Anonymous(this="nullif", expressions=[items, none]), one])
    return exp.Anonymous(this="unnest", expressions=[known])
