-- A number, NULL for NaN. The planner opens it inside compiled models, where no operator may be looked up by name.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.known_number(number double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(number, 'NaN');
GRANT EXECUTE ON FUNCTION sqlml.known_number TO sqlml_caller;

RESET ROLE;
RESET search_path;
