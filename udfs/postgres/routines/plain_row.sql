-- The columns of a row that a compiled model reads, as JSON in which the text of a value is the value, where that can be told
-- at once; NULL where sqlml.read_row has to look closer. A name may differ by case alone, a boolean stand for a number, and a
-- REAL or a CHAR(n) hide behind its text: "image" is the binary form of the row, in which each value stands behind the
-- number of its type and its length; it is NULL for a JSON object.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.plain_row(names text[], types text[], document jsonb, image bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  has_real CONSTANT boolean := coalesce(position('\x000002bc00000004'::bytea IN image) > 0, false);
  has_char CONSTANT boolean := coalesce(position('\x00000412'::bytea IN image) > 0, false);
  given jsonb;
  value jsonb;
  plain text;
  changes text[] := ARRAY[]::text[];
BEGIN
  -- A value of JSON in a row may be written in ways that its text does not show.
  IF jsonb_typeof(document) IS DISTINCT FROM 'object'
    OR (has_real OR has_char) AND (position('\x00000072'::bytea IN image) > 0 OR position('\x00000eda'::bytea IN image) > 0)
    OR get_byte(image, 2) * 256 + get_byte(image, 3) <> jsonb_array_length(jsonb_path_query_array(document, '$.*')) THEN
    RETURN NULL;
  END IF;
  IF NOT document ?& names THEN
    given := sqlml.names_by_case(document);
  END IF;
  FOR place IN 1 .. cardinality(names) LOOP
    value := CASE WHEN given IS NULL THEN document -> names[place]
      ELSE document -> (given ->> lower(names[place] COLLATE "C")) END;
    plain := value #>> '{}';
    IF value IS NULL THEN
      RETURN NULL;
    ELSIF types[place] IN ('integer', 'number') AND jsonb_typeof(value) = 'boolean' THEN
      value := to_jsonb(plain::boolean::integer);
    ELSIF has_real AND types[place] IN ('integer', 'number') AND jsonb_typeof(value) = 'number' THEN
      value := sqlml.real_in_row(value, image);
    ELSIF has_char AND types[place] = 'text' AND right(plain, 1) = ' ' THEN
      value := sqlml.char_in_row(plain, image);
    ELSIF given IS NULL THEN
      CONTINUE;
    END IF;
    IF value IS NULL THEN
      RETURN NULL;
    END IF;
    changes := changes || (to_json(names[place])::text || ':' || value::text);
  END LOOP;
  RETURN document || ('{' || array_to_string(changes, ',') || '}')::jsonb;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.plain_row TO sqlml_caller;

RESET ROLE;
RESET search_path;
