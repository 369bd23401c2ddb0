-- As sqlml.typed_layout, for a row's type that a compiled model reads by a detour: a column may have another name by case, and
-- a boolean may stand for a number. A column goes by its own name or, where there is none, by the only one that differs by
-- case alone and is no other column of the model. NULL also where such a name is neither in small nor in capital letters
-- throughout, as compiled models know no others.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.adapted_layout(columns json, no_row anyelement) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  WITH wanted AS (
    SELECT asked ->> 0 AS name, asked ->> 1 AS type, place
    FROM json_array_elements(columns) WITH ORDINALITY AS pairs(asked, place)
  ),
  given AS MATERIALIZED (
    SELECT attname::text AS name, atttypid, (sqlml.type_facts(atttypid, atttypmod)).kind AS kind
    FROM pg_attribute
    WHERE attrelid = sqlml.row_table(no_row) AND attnum > 0 AND NOT attisdropped
  ),
  found AS (
    SELECT wanted.place, wanted.type, given.name, given.atttypid, given.kind,
           given.name IN (wanted.name, lower(wanted.name COLLATE "C"), upper(wanted.name COLLATE "C")) AS is_known
    FROM wanted JOIN given ON given.name = wanted.name
      OR sqlml.folded(given.name) = sqlml.folded(wanted.name)
        AND NOT EXISTS (SELECT FROM given AS exact WHERE exact.name = wanted.name)
        AND given.name NOT IN (SELECT wanted.name FROM wanted)
  )
  SELECT hashtextextended(string_agg(format('%s %s', atttypid, name), ',' ORDER BY place), 0)
  FROM found
  WHERE is_known AND sqlml.is_readable(type, kind, NULL, false)
  HAVING count(*) = (SELECT count(*) FROM wanted)
    AND count(*) = (SELECT count(*) FROM found) AND count(DISTINCT place) = count(*)
$$;
GRANT EXECUTE ON FUNCTION sqlml.adapted_layout TO sqlml_caller;

RESET ROLE;
RESET search_path;
