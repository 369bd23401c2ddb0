-- Whether the type of a row has columns of these names, of types that a compiled model can read without a detour.
-- It is asked with a NULL of the type, a constant, and called immutable so that PostgreSQL asks while it plans: once per
-- session and type, where STABLE would be once per row. What it says of a type changes only with ALTER TABLE or TYPE.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.has_columns(columns json, no_row anyelement) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  WITH given AS (
    SELECT attname, (sqlml.type_facts(atttypid, atttypmod)).kind
    FROM pg_attribute
    WHERE attrelid = (
      SELECT typrelid FROM pg_type WHERE oid = (sqlml.type_facts(pg_typeof(no_row)::oid, -1)).base AND typtype = 'c'
    )
    AND attnum > 0 AND NOT attisdropped
  )
  SELECT EXISTS (
    SELECT FROM pg_type WHERE oid = (sqlml.type_facts(pg_typeof(no_row)::oid, -1)).base AND typtype = 'c'
  ) AND NOT EXISTS (
    SELECT FROM json_array_elements(columns) AS wanted
    WHERE NOT EXISTS (
      SELECT FROM given
      WHERE attname = wanted ->> 0 AND kind = ANY (
        CASE wanted ->> 1
          WHEN 'integer' THEN ARRAY['integer', 'number']
          WHEN 'number' THEN ARRAY['integer', 'number']
          WHEN 'timestamp' THEN ARRAY['date', 'timestamp']
          ELSE ARRAY[wanted ->> 1]
        END
      )
    )
  )
$$;
GRANT EXECUTE ON FUNCTION sqlml.has_columns TO sqlml_caller;

RESET ROLE;
RESET search_path;
