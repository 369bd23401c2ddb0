-- By what types a row's type has columns of these names, as one number; NULL where it lacks one, or has one of a type that
-- a compiled model cannot read without a detour.
-- It is asked with a NULL of the type, a constant, and called immutable so that PostgreSQL asks while it plans: once per
-- plan, where STABLE would be once per row. What it says changes with ALTER TABLE or TYPE: see sqlml.row_table.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.typed_layout(columns json, no_row anyelement) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT hashtextextended(coalesce(string_agg(atttypid::text, ',' ORDER BY place), ''), 0)
  FROM (SELECT typrelid FROM pg_type WHERE oid = (sqlml.type_facts(pg_typeof(no_row)::oid, -1)).base AND typtype = 'c') AS row_type
  LEFT JOIN json_array_elements(columns) WITH ORDINALITY AS wanted(asked, place) ON true
  LEFT JOIN pg_attribute ON attrelid = typrelid AND attname = asked ->> 0 AND attnum > 0 AND NOT attisdropped
    AND (sqlml.type_facts(atttypid, atttypmod)).kind = ANY (
      CASE asked ->> 1
        WHEN 'integer' THEN ARRAY['integer', 'number']
        WHEN 'number' THEN ARRAY['integer', 'number']
        WHEN 'timestamp' THEN ARRAY['date', 'timestamp']
        ELSE ARRAY[asked ->> 1]
      END
    )
  HAVING count(*) > 0 AND count(attname) = count(asked)
$$;
GRANT EXECUTE ON FUNCTION sqlml.typed_layout TO sqlml_caller;

RESET ROLE;
RESET search_path;
