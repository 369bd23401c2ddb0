-- A text that ends with blanks, as JSON: without them where the row has it as a CHAR(n), by the binary form of the row; NULL
-- where it has it as something else, or more than once.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.char_in_row(value text, image bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  piece CONSTANT bytea := int4send(octet_length(value)) || convert_to(value, 'UTF8');
  at CONSTANT integer := position(piece IN image);
BEGIN
  IF substring(image FROM greatest(at - 4, 1) FOR 4) = '\x00000412' AND position(piece IN substring(image FROM at + 1)) = 0 THEN
    RETURN to_jsonb(rtrim(value, ' '));
  END IF;
  RETURN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.char_in_row TO sqlml_caller;

RESET ROLE;
RESET search_path;
