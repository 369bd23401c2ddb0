-- The columns of a row in their order: names, what each is to a model, the name of its type, and that type, which is 0
-- in a JSON object. A row without a named type is taken apart by its binary form: the number of columns, then for each
-- the number of its type, its length or -1, and its bytes.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.row_columns(features anyelement)
RETURNS TABLE (place bigint, name text, kind text, words text, base oid)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  row_type CONSTANT oid := (sqlml.type_facts(pg_typeof(features)::oid, -1)).base;
  binary_row bytea;
  at integer := 5;
  size integer;
  types oid[] := '{}'::oid[];
BEGIN
  IF row_type IN ('json'::regtype, 'jsonb'::regtype) THEN
    RETURN QUERY
    SELECT each.place, each.key,
           CASE json_typeof(each.value) WHEN 'string' THEN 'text' WHEN 'number' THEN 'number' WHEN 'boolean' THEN 'boolean'
             ELSE 'unsupported' END,
           CASE json_typeof(each.value) WHEN 'string' THEN 'VARCHAR' WHEN 'number' THEN 'DOUBLE PRECISION'
             WHEN 'boolean' THEN 'BOOLEAN' WHEN 'array' THEN 'LIST' WHEN 'object' THEN 'STRUCT' ELSE 'NULL' END,
           0::oid
    FROM json_each(to_json(features)) WITH ORDINALITY AS each(key, value, place);
  ELSIF row_type = 'record'::regtype THEN
    EXECUTE 'SELECT record_send($1)' INTO binary_row USING features;
    WHILE at <= length(binary_row) LOOP
      types := types || ('x' || encode(substr(binary_row, at, 4), 'hex'))::bit(32)::bigint::oid;
      size := ('x' || encode(substr(binary_row, at + 4, 4), 'hex'))::bit(32)::integer;
      at := at + 8 + greatest(size, 0);
    END LOOP;
    RETURN QUERY
    SELECT keys.place, keys.key, facts.kind, facts.words, facts.base
    FROM json_object_keys(to_json(features)) WITH ORDINALITY AS keys(key, place),
         sqlml.type_facts(types[keys.place], -1) AS facts;
  ELSE
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY attnum), attname::text, facts.kind, facts.words, facts.base
    FROM pg_attribute, sqlml.type_facts(atttypid, atttypmod) AS facts
    WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = row_type) AND attnum > 0 AND NOT attisdropped;
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.row_columns TO sqlml_caller;

RESET ROLE;
RESET search_path;
