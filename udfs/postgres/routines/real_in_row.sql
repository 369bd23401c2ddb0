-- A number that JSON shows of a row, as the double that it is, by the binary form of the row; NULL where that leaves it open.
-- A REAL is another number than its text, mostly. It is one where the row has its four bytes, and those of no other type.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.real_in_row(value jsonb, image bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
  shown CONSTANT text := value #>> '{}';
  number CONSTANT double precision := shown::double precision;
BEGIN
  IF abs(number) NOT BETWEEN 1e-45 AND 3.4028235e38 OR shown::real::double precision = number
    OR position('\x00000004'::bytea || float4send(shown::real) IN image) = 0 THEN
    RETURN value;
  ELSIF position(float8send(number) IN image) > 0 OR position(numeric_send(shown::numeric) IN image) > 0
    OR (CASE WHEN trunc(number) = number AND abs(number) < 9e18 THEN position(int8send(shown::bigint) IN image) > 0 END)
    OR (CASE WHEN trunc(number) = number AND abs(number) < 2147483648 THEN position(int4send(shown::integer) IN image) > 0 END)
  THEN
    RETURN NULL;
  END IF;
  RETURN to_jsonb(shown::real::double precision);
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.real_in_row TO sqlml_caller;

RESET ROLE;
RESET search_path;
