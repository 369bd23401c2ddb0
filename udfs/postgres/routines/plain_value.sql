-- A value of a row as JSON, such that its text is the value: a REAL as the double that it is, a CHAR(n) without the blanks
-- that fill it up, and a boolean that is read as a number as 1 or 0.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.plain_value(value jsonb, type text, base oid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
  WHEN jsonb_typeof(value) = 'null' THEN value
  WHEN type = 'text' AND base = 'character'::regtype THEN to_jsonb(rtrim(value #>> '{}', ' '))
  WHEN type NOT IN ('integer', 'number') THEN value
  WHEN jsonb_typeof(value) = 'boolean' THEN to_jsonb((value #>> '{}')::boolean::integer)
  WHEN base = 'real'::regtype THEN to_jsonb((value #>> '{}')::real::double precision)
  ELSE value
END;
GRANT EXECUTE ON FUNCTION sqlml.plain_value TO sqlml_caller;

RESET ROLE;
RESET search_path;
