-- A text in quotes, as Python writes it in our messages: 'it', or "it's", and \n for a line's end.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.in_quotes(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
  WHEN position('''' IN value) > 0 AND position('"' IN value) = 0 THEN
    '"' || replace(replace(replace(replace(value, '\', '\\'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t') || '"'
  ELSE
    '''' || replace(replace(replace(replace(replace(
      value, '\', '\\'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t'), '''', '\''') || ''''
END;
GRANT EXECUTE ON FUNCTION sqlml.in_quotes TO sqlml_caller;

RESET ROLE;
RESET search_path;
