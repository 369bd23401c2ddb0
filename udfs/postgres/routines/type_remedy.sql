-- What to do about a column whose type cannot be read as what the model was trained on.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.type_remedy(name text, type text, kind text, words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN kind <> 'unsupported' THEN format(
    'pass CAST("%s" AS %s) under the same name', replace(name, '"', '""'),
    CASE type WHEN 'integer' THEN 'BIGINT' WHEN 'number' THEN 'DOUBLE PRECISION' WHEN 'text' THEN 'VARCHAR' ELSE upper(type COLLATE "C") END
  )
  WHEN words = 'TIMESTAMP WITH TIME ZONE' THEN
    'its parts depend on the session''s time zone; turn it into a TIMESTAMP with AT TIME ZONE ''UTC'''
  WHEN words IN ('TIME', 'INTERVAL') THEN 'turn it into a number of seconds with EXTRACT(epoch FROM ...)'
  WHEN words IN ('STRUCT', 'LIST') OR right(words, 2) = '[]' THEN
    'take the values that matter out of it as columns of their own'
  ELSE 'CAST it to a number, to VARCHAR, DATE or TIMESTAMP'
END;
GRANT EXECUTE ON FUNCTION sqlml.type_remedy TO sqlml_caller;

RESET ROLE;
RESET search_path;
