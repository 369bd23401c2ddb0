-- A quotient of doubles, the second positive, that is infinite where it is too large, and 0 where it is too small;
-- PostgreSQL's own operator fails there. Powers of two change nothing but the exponent.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.float_quotient(one double precision, other double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN one = 0 OR greatest(abs(one), other) > 1.7976931348623157e308 THEN one / other
  -- Below 2^-50 no double is small enough to make it too large.
  WHEN other < 1 AND abs(one) > 8.8e-16 THEN
    CASE
      WHEN abs(one) > 2.0::float8 ^ 512 AND other < 2.0::float8 ^ -512
        OR abs(one * 2.0::float8 ^ -512) / (other * 2.0::float8 ^ 512) >= 1
        THEN sign(one) * double precision 'Infinity'
      ELSE one / other
    END
  -- The smallest double is 2^-1074, and half of it rounds to 0.
  WHEN other > 1 AND (abs(one) < 1e-300 OR abs(one) < 4.5e-16 AND other > 1e8)
    AND (abs(one) * 2.0::float8 ^ 537) / (other * 2.0::float8 ^ -538) <= 1
    THEN sign(one) * double precision '0'
  ELSE one / other
END;
GRANT EXECUTE ON FUNCTION sqlml.float_quotient TO sqlml_caller;

RESET ROLE;
RESET search_path;
