-- By its name in small letters, what each key of a JSON object is called; NULL where two differ by case alone, or where a
-- name is in other letters than those of ASCII, or holds what JSON writes with a backslash.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.names_by_case(document jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  keys CONSTANT jsonb := jsonb_path_query_array(document, '$.keyvalue().key');
  -- Between the brackets, a list of texts is written in JSON as it is in an array.
  listed CONSTANT text := '{' || substr(keys::text, 2, length(keys::text) - 2) || '}';
  names jsonb;
BEGIN
  IF octet_length(listed) = length(listed) AND strpos(listed, '\') = 0 THEN
    names := jsonb_object(lower(listed COLLATE "C")::text[], listed::text[]);
  END IF;
  RETURN CASE WHEN jsonb_array_length(jsonb_path_query_array(names, '$.*')) = jsonb_array_length(keys) THEN names END;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.names_by_case TO sqlml_caller;

RESET ROLE;
RESET search_path;
