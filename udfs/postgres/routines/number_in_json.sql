-- A number as Python writes it into JSON: 1.0 and not 1; null where it is none. Needs extra_float_digits = 1.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.number_in_json(number double precision) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
  WHEN abs(number) <= 1.7976931348623157e308 THEN
    CASE
      WHEN abs(number) >= 1e16 OR number <> trunc(number) THEN number::text
      WHEN abs(number) >= 1e15 THEN number::bigint::text || '.0'
      ELSE number::text || '.0'
    END
  ELSE 'null'
END;
GRANT EXECUTE ON FUNCTION sqlml.number_in_json TO sqlml_caller;

RESET ROLE;
RESET search_path;
