-- The characters that two texts have in common, in order, as Ratcliff and Obershelp count them: those of the longest
-- common part, and of what stands on each side of it. It is what Python's difflib does in the other engine.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.matching_characters(one text, other text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found integer;
BEGIN
  FOR size IN REVERSE least(length(one), length(other)) .. 1 LOOP
    FOR start IN 1 .. length(one) - size + 1 LOOP
      found := strpos(other, substr(one, start, size));
      IF found > 0 THEN
        RETURN size
          + sqlml.matching_characters(left(one, start - 1), left(other, found - 1))
          + sqlml.matching_characters(substr(one, start + size), substr(other, found + size));
      END IF;
    END LOOP;
  END LOOP;
  RETURN 0;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.matching_characters TO sqlml_caller;

RESET ROLE;
RESET search_path;
