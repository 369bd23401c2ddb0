-- A product of doubles that is infinite where it is too large, and 0 where it is too small; PostgreSQL's own operator
-- fails there. Powers of two change nothing but the exponent, so the product of the shifted numbers says which it is.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.float_product(one double precision, other double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN one = 0 OR other = 0 OR greatest(abs(one), abs(other)) > 1.7976931348623157e308 THEN one * other
  WHEN least(abs(one), abs(other)) >= 1 THEN
    CASE
      WHEN abs((one * 2.0::float8 ^ -512) * (other * 2.0::float8 ^ -512)) >= 1
        THEN sign(one) * sign(other) * double precision 'Infinity'
      ELSE one * other
    END
  -- The smallest double is 2^-1074, and half of it rounds to 0.
  WHEN greatest(abs(one), abs(other)) < 1 AND least(abs(one), abs(other)) < 1e-150
    AND abs(least(abs(one), abs(other)) * 2.0::float8 ^ 537 * (greatest(abs(one), abs(other)) * 2.0::float8 ^ 538)) <= 1
    THEN sign(one) * sign(other) * double precision '0'
  ELSE one * other
END;
GRANT EXECUTE ON FUNCTION sqlml.float_product TO sqlml_caller;

RESET ROLE;
RESET search_path;
