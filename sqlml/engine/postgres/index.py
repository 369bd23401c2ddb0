"""Indexes of a caller's table, where they pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

LARGE_BYTES = 16 * 1024**2
"""A smaller table is read through in a few milliseconds."""

# An index needs the table's owner, and the right to create in its schema. A text can be longer than a B-tree takes.
_METHOD = """
SELECT CASE
  WHEN atttypid IS NULL THEN 'btree'
  WHEN atttypid = ANY ('{smallint,integer,bigint,numeric,uuid,date,timestamp,timestamptz}'::pg_catalog.regtype[])
  THEN 'btree'
  WHEN atttypid = ANY ('{text,varchar,bpchar}'::pg_catalog.regtype[]) THEN 'hash'
END
FROM (SELECT pg_catalog.quote_ident($column) AS name, $expression::pg_catalog.text AS text) AS wanted
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass($table)
LEFT JOIN pg_catalog.pg_attribute
  ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND pg_catalog.quote_ident(attname) = wanted.name
WHERE relkind = 'r' AND relpersistence <> 't' AND pg_catalog.pg_relation_size(c.oid) >= $bytes
  AND pg_catalog.pg_has_role(relowner, 'USAGE') AND pg_catalog.has_schema_privilege(relnamespace, 'CREATE')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index
    WHERE indrelid = c.oid AND pg_catalog.pg_get_indexdef(indexrelid, 1, false) = coalesce(wanted.name, wanted.text)
  )
"""


def index_for(
    rows: Callable[..., list[tuple[Any, ...]]], table: exp.Table, columns: Sequence[exp.Expr]
) -> exp.Create | None:
    """The statement that gives a table an index by which rows are found; None where there is one, or it is not due.

    ``columns`` are columns or expressions of them, in lower case where they have no quotes. ``rows`` runs a statement
    of the caller's.
    """
    first = columns[0]
    asked = {
        "table": table.sql("postgres"),
        "column": first.name if isinstance(first, exp.Column) else None,
        "expression": first.sql("postgres"),
        "bytes": LARGE_BYTES,
    }
    ((method,),) = rows(_METHOD, asked) or [(None,)]
    if method is None:
        return None
    taken = columns[:1] if method == "hash" else columns
    parts = [each.copy() if isinstance(each, exp.Column) else exp.Paren(this=each.copy()) for each in taken]
    parameters = exp.IndexParameters(using=exp.var(method), columns=[exp.Ordered(this=part) for part in parts])
    return exp.Create(this=exp.Index(table=table.copy(), params=parameters), kind="INDEX")
