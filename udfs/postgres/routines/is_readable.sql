-- Whether a value can be read as a column of a model without losing anything: by the kind of its type, or, in a row without
-- a named type and in a JSON object, by what JSON has for it. There a date is a text that is written as one.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.is_readable(type text, kind text, value jsonb, by_value boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN NOT by_value THEN kind = ANY (
    CASE
      WHEN type IN ('integer', 'number') THEN ARRAY['integer', 'number', 'boolean']
      WHEN type = 'timestamp' THEN ARRAY['timestamp', 'date']
      ELSE ARRAY[type]
    END
  )
  WHEN jsonb_typeof(value) = 'null' THEN true
  WHEN type IN ('integer', 'number') THEN
    jsonb_typeof(value) IN ('number', 'boolean') OR value IN ('"NaN"', '"Infinity"', '"-Infinity"')
  WHEN type = 'boolean' THEN jsonb_typeof(value) = 'boolean'
  WHEN jsonb_typeof(value) <> 'string' THEN false
  WHEN type = 'text' THEN true
  ELSE (value #>> '{}') ~ (
    '^([0-9]{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
    || CASE WHEN type = 'timestamp' THEN '(T([01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?)?' ELSE '' END
    || '( BC)?|-?infinity)$'
  )
END;
GRANT EXECUTE ON FUNCTION sqlml.is_readable TO sqlml_caller;

RESET ROLE;
RESET search_path;
