-- A number that a caller gives, with all its digits, whatever the session of the caller says of digits.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.double_in_json(number double precision) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET extra_float_digits = 1
RETURN to_jsonb(number);
GRANT EXECUTE ON FUNCTION sqlml.double_in_json TO sqlml_reader;

RESET ROLE;
RESET search_path;
