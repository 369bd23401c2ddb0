"""Tables that a caller is to read and has not named: whether the caller can, and if that would run code of their owner.

Whoever reads a table runs what its owner has put into it, with the rights of the reader: the functions of a view, of
policies of row-level security, of casts from a type of the owner's, and, while a query is planned, those of indexes and
constraints. A caller who names a relation takes that upon themselves. A table that is only found in the metadata
has to be plain, unless its owner could act as the caller anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlml.engine.protocol import GONE

Rows = Callable[..., list[tuple[Any, ...]]]


def unreadable(rows: Rows, schema: str, name: str) -> str | None:
    """Why the caller cannot read a table; None where it can. ``rows`` runs a statement of the caller's."""
    found = rows(_MAY_READ, {"schema": schema or None, "name": name})
    if not found:
        return GONE
    return None if (True,) in found else "you may not read it"


_MAY_READ = """
SELECT pg_catalog.has_schema_privilege(kept.oid, 'USAGE') AND pg_catalog.has_table_privilege(known.oid, 'SELECT')
FROM pg_catalog.pg_class AS known JOIN pg_catalog.pg_namespace AS kept ON kept.oid = known.relnamespace
WHERE known.relname = $name
  AND CASE WHEN $schema::pg_catalog.text IS NULL THEN pg_catalog.pg_table_is_visible(known.oid)
      ELSE kept.nspname = $schema::pg_catalog.text END
"""


def code_of_others(rows: Rows, table: str) -> str | None:
    """What reading a table, named as in SQL, would run of somebody who may not act as the caller; None for nothing.

    ``rows`` runs a statement of the caller's, with named parameters. The table stays as it is until the end of the
    transaction, but for new indexes.
    """
    found = rows(_CODE_OF_OTHERS, {"name": table})
    return str(found[0][0]) if found else None


_CODE_OF_OTHERS = r"""
WITH RECURSIVE taking AS (
  -- From PostgreSQL 16 on a member of a role may be one that cannot take it.
  SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000
         THEN 'MEMBER' ELSE 'SET' END AS a_role
),
read AS (
  SELECT pg_catalog.to_regclass($name)::pg_catalog.oid AS oid
  UNION
  SELECT inhrelid FROM pg_catalog.pg_inherits JOIN read ON inhparent = read.oid
),
others AS (
  SELECT known.oid, known.relname, known.relkind, pg_catalog.pg_get_userbyid(known.relowner) AS owner,
         pg_catalog.row_security_active(known.oid) AS has_policies
  FROM taking, read JOIN pg_catalog.pg_class AS known ON known.oid = read.oid
  WHERE NOT pg_catalog.pg_has_role(known.relowner, current_user, a_role)
),
parts AS (
  SELECT oid AS owned, 'pg_catalog.pg_class'::pg_catalog.regclass AS classid, oid AS objid FROM others
  UNION ALL
  SELECT indrelid, 'pg_catalog.pg_class', indexrelid FROM pg_catalog.pg_index
  UNION ALL
  SELECT conrelid, 'pg_catalog.pg_constraint', oid FROM pg_catalog.pg_constraint
  UNION ALL
  SELECT stxrelid, 'pg_catalog.pg_statistic_ext', oid FROM pg_catalog.pg_statistic_ext
),
used AS (
  SELECT parts.owned, coalesce(proowner, typowner, oprowner, opcowner) AS owner,
         pg_catalog.pg_describe_object(refclassid, refobjid, 0) AS object
  FROM parts
  JOIN pg_catalog.pg_depend AS d ON d.classid = parts.classid AND d.objid = parts.objid AND d.refobjid >= 16384
  LEFT JOIN pg_catalog.pg_proc AS p ON refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = refobjid
  LEFT JOIN pg_catalog.pg_type AS t ON refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = refobjid
  LEFT JOIN pg_catalog.pg_operator AS o
    ON refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = refobjid
  LEFT JOIN pg_catalog.pg_opclass AS c ON refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND c.oid = refobjid
),
called AS (
  SELECT polrelid, polname, tree, calls.number
  FROM pg_catalog.pg_policy
  CROSS JOIN pg_catalog.concat(polqual::pg_catalog.text) AS tree
  LEFT JOIN LATERAL (
    SELECT (pg_catalog.regexp_matches(tree, ':(?:opfuncid|funcid) (\d+)', 'g'))[1]::pg_catalog.oid AS number
  ) AS calls ON true
  WHERE polcmd IN ('r', '*')
)
SELECT pg_catalog.format('%s of %I: %s', kind, owner, what) FROM (
  SELECT 'an object' AS kind, owner, pg_catalog.format('%I is no ordinary table', relname) AS what
  FROM others WHERE relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT 'a table', others.owner, pg_catalog.format('%I has %s', relname, object)
  FROM taking, used JOIN others ON others.oid = used.owned
  WHERE used.owner IS NOT NULL AND NOT pg_catalog.pg_has_role(used.owner, current_user, a_role)
  UNION ALL
  SELECT 'a table', others.owner,
         pg_catalog.format('%I has policy %I, which calls more than plain functions', relname, polname)
  FROM called JOIN others ON others.oid = called.polrelid AND has_policies
  WHERE tree ~ '[{](QUERY|SUBLINK)' OR number IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_proc AS plain
    WHERE plain.oid = number AND plain.oid < 16384 AND (plain.provolatile = 'i' OR plain.proname = 'current_setting')
  )
) AS found
LIMIT 1
"""
