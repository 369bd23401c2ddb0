"""What PostgreSQL's catalog holds of schema ``sqlml``, in words that are the same in every session."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True)
class CatalogObject:
    """An object of schema ``sqlml``, the schema itself, or a role of sqlml.

    ``kind`` is role, schema, table, view, materialized view, foreign table, sequence, function, procedure, aggregate or
    type. ``definition`` holds all that a change of the object changes: columns, constraints, indexes, triggers, rules
    and policies of a table; volatility, security, parallel safety, settings and body of a routine; and the owner.
    ``privileges`` are sorted and read ``SELECT to some_role``, or ``SELECT (column) to some_role with grant option``,
    and name everybody ``PUBLIC``; what the owner may do is not among them.
    """

    kind: str
    definition: str
    owner: str
    privileges: tuple[str, ...]
    comment: str | None


def catalog_objects(rows: Rows, names: Collection[str] | None = None) -> dict[str, CatalogObject]:
    """The schemas of sqlml and all that is in them, by name: a routine's is ``sqlml.name(type, type)``.

    Where ``names`` are given, only these objects; ``sqlml.name`` stands for all routines of that name.

    ``rows`` runs a statement in a session, with named parameters. What belongs to another object, such as an index,
    the sequence of an identity column or the row type of a table, is part of that object or not listed.
    """
    ((path, quotes),) = rows("SELECT current_setting('search_path'), current_setting('quote_all_identifiers')")
    wanted = None if names is None else json.dumps([*names])
    found = [*rows(_ROLES, {"names": wanted}), *rows(_OBJECTS, {"names": wanted})]
    rows(
        "SELECT set_config('search_path', $path, true), set_config('quote_all_identifiers', $quotes, true)",
        {"path": path, "quotes": quotes},
    )
    return {
        name: CatalogObject(kind, definition, owner, tuple(privileges.split("\n")) if privileges else (), comment)
        for name, kind, definition, owner, privileges, comment in found
    }


# The catalog writes names as short as the search path allows; pinned makes that the same for all. Its condition stands
# before every row, so what is written of a row is written after it.
_ROLES = """
SELECT 'role ' || rolname, 'role', concat_ws(E'\\n',
         concat_ws(' ', CASE WHEN rolcanlogin THEN 'login' ELSE 'nologin' END, CASE WHEN rolsuper THEN 'superuser' END,
                   CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END,
                   CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
                   CASE WHEN NOT rolinherit THEN 'noinherit' END),
         (SELECT string_agg(line, E'\\n' ORDER BY line COLLATE "C") FROM (
            -- From PostgreSQL 16 on a membership has options, and one for each role that has granted it.
            SELECT DISTINCT 'member of ' || pg_get_userbyid(roleid)
              || CASE to_jsonb(granted) ->> 'inherit_option' WHEN 'false' THEN ' without inherit' ELSE '' END
              || CASE to_jsonb(granted) ->> 'set_option' WHEN 'false' THEN ' without set' ELSE '' END AS line
            FROM pg_auth_members AS granted WHERE member = pg_roles.oid
          ) AS memberships),
         (SELECT string_agg(concat_ws(' ', 'default privileges', defaclobjtype, defaclacl), E'\\n'
                            ORDER BY defaclobjtype)
          FROM pg_default_acl WHERE defaclrole = pg_roles.oid)),
       rolname::text, '', shobj_description(oid, 'pg_authid')
FROM pg_roles
WHERE rolname IN (
  'sqlml_owner', 'sqlml_caller', 'sqlml_reader', 'sqlml_scorer', 'sqlml_trainer', 'sqlml_approver', 'sqlml_deployer',
  'sqlml_auditor'
) AND ($names::jsonb IS NULL OR $names::jsonb ? ('role ' || rolname))
ORDER BY rolname
"""
_OBJECTS = """
WITH pinned AS MATERIALIZED (
  SELECT set_config('search_path', '', true) = '' AND set_config('quote_all_identifiers', 'off', true) = 'off' AS done
),
objects AS (
  SELECT oid, 'pg_namespace'::regclass AS catalog, 'schema' AS kind, nspname::text AS name, nspowner AS owner,
         coalesce(nspacl, acldefault('n', nspowner)) AS acl, oid AS schema
  FROM pg_namespace
  UNION ALL
  SELECT oid, 'pg_proc'::regclass, CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
         pronamespace::regnamespace || '.' || quote_ident(proname) || '(' || oidvectortypes(proargtypes) || ')',
         proowner,
         coalesce(proacl, acldefault('f', proowner)), pronamespace
  FROM pg_proc
  UNION ALL
  SELECT oid, 'pg_class'::regclass,
         CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                      WHEN 'f' THEN 'foreign table' ELSE 'table' END,
         relnamespace::regnamespace || '.' || quote_ident(relname), relowner,
         coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)),
         relnamespace
  FROM pg_class
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f') OR (relkind = 'S' AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'i') AND refobjsubid > 0
  ))
  UNION ALL
  SELECT oid, 'pg_type'::regclass, 'type', typnamespace::regnamespace || '.' || quote_ident(typname), typowner,
         coalesce(typacl, acldefault('T', typowner)), typnamespace
  FROM pg_type
  WHERE typtype IN ('d', 'e', 'r') OR (typtype = 'c' AND EXISTS (
    SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c'
  ))
),
lines AS (
  SELECT attrelid AS oid, 1 AS part, lpad(attnum::text, 5) AS place,
         concat_ws(' ', attname, format_type(atttypid, atttypmod),
                   CASE WHEN attcollation NOT IN (0, typcollation) THEN 'collate ' || attcollation::regcollation END,
                   CASE WHEN attnotnull THEN 'not null' END,
                   CASE WHEN attidentity <> '' THEN 'identity ' || attidentity::text END,
                   CASE WHEN attgenerated <> '' THEN 'generated' WHEN atthasdef THEN 'default' END,
                   pg_get_expr(adbin, adrelid)) AS line
  FROM pg_attribute
  JOIN pg_class ON pg_class.oid = attrelid AND relkind NOT IN ('i', 'I', 'S', 't', 'v', 'm')
  JOIN pg_type ON pg_type.oid = atttypid
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT conrelid, 2, conname, concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid)) FROM pg_constraint
  WHERE conrelid <> 0 AND contype <> 't'
  UNION ALL
  SELECT indrelid, 3, indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
  UNION ALL
  SELECT tgrelid, 4, tgname, pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT polrelid, 5, polname, concat_ws(' ', 'policy', polname, polcmd, polpermissive,
         array(SELECT pg_get_userbyid(member) FROM unnest(polroles) AS member ORDER BY 1),
         pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
  FROM pg_policy
  UNION ALL
  SELECT ev_class, 6, rulename, pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename <> '_RETURN'
  UNION ALL
  SELECT inhrelid, 7, inhseqno::text, 'inherits ' || inhparent::regclass FROM pg_inherits
  UNION ALL
  SELECT oid, 8, '', concat_ws(' ', 'persistence', relpersistence, 'options', reloptions::text,
         CASE WHEN relrowsecurity THEN 'row security' END, CASE WHEN relforcerowsecurity THEN 'forced' END)
  FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
),
written AS (
  SELECT objects.*, CASE
    WHEN kind IN ('function', 'procedure') THEN pg_get_functiondef(oid)
    WHEN kind IN ('view', 'materialized view') THEN concat_ws(E'\\n', pg_get_viewdef(oid), described.text)
    WHEN kind = 'sequence' THEN (
      SELECT concat_ws(' ', format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcycle)
      FROM pg_sequence WHERE seqrelid = objects.oid
    )
    WHEN kind = 'type' THEN (
      SELECT concat_ws(' ', typtype, CASE WHEN typbasetype > 0 THEN format_type(typbasetype, typtypmod) END, typdefault,
                       CASE WHEN typnotnull THEN 'not null' END,
                       (SELECT string_agg(pg_get_constraintdef(pg_constraint.oid), ' ' ORDER BY conname)
                        FROM pg_constraint WHERE contypid = pg_type.oid),
                       (SELECT string_agg(quote_literal(enumlabel), ' ' ORDER BY enumsortorder)
                        FROM pg_enum WHERE enumtypid = pg_type.oid),
                       (SELECT string_agg(line, E'\\n' ORDER BY place)
                        FROM lines WHERE lines.oid = typrelid AND part = 1))
      FROM pg_type WHERE pg_type.oid = objects.oid
    )
    ELSE described.text
  END AS definition
  FROM objects
  LEFT JOIN LATERAL (
    SELECT string_agg(line, E'\\n' ORDER BY part, place COLLATE "C") AS text FROM lines WHERE lines.oid = objects.oid
  ) AS described ON catalog = 'pg_class'::regclass
  WHERE schema IN (SELECT oid FROM pg_namespace WHERE nspname IN ('sqlml', 'sqlml_queue')) AND (SELECT done FROM pinned)
    AND ($names::jsonb IS NULL OR $names::jsonb ?| ARRAY[name, substring(name FROM '^[^(]*')])
),
granted AS (
  SELECT oid, catalog, privilege_type || ' to ' AS privilege, grantee, is_grantable
  FROM written, aclexplode(acl) WHERE grantee <> owner
  UNION ALL
  SELECT written.oid, catalog, privilege_type || ' (' || attname || ') to ', grantee, is_grantable
  FROM written JOIN pg_attribute ON attrelid = written.oid AND attacl IS NOT NULL, aclexplode(attacl)
  WHERE catalog = 'pg_class'::regclass AND grantee <> owner
)
SELECT name, kind, concat_ws(E'\\n', definition, 'owner ' || pg_get_userbyid(owner)), pg_get_userbyid(owner)::text,
       (SELECT string_agg(line, E'\\n' ORDER BY line COLLATE "C") FROM (
          SELECT privilege || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END
                 || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END AS line
          FROM granted WHERE granted.oid = written.oid AND granted.catalog = written.catalog
        ) AS each),
       obj_description(oid, catalog::text::name)
FROM written
ORDER BY name COLLATE "C"
"""
