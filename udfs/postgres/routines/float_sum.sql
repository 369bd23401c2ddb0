-- A sum of doubles that is infinite where it is too large; PostgreSQL's own operator fails there.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.float_sum(one double precision, other double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  -- Beyond the largest double stand infinity and NaN; beside a number of 1e290 the largest one does not change.
  WHEN least(abs(one), abs(other)) < 1e290 OR greatest(abs(one), abs(other)) > 1.7976931348623157e308 THEN one + other
  -- Halves are exact here, and their sum reaches 2^1023 where the whole sum would round to infinity.
  WHEN abs(one / 2 + other / 2) >= 8.98846567431158e307 THEN sign(one) * double precision 'Infinity'
  ELSE one + other
END;
GRANT EXECUTE ON FUNCTION sqlml.float_sum TO sqlml_caller;

RESET ROLE;
RESET search_path;
