-- The end of a message about an unknown name: the closest known names, and all of them.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.unknown_name(name text, known text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  WITH listed AS (
    SELECT each, place FROM unnest(known) WITH ORDINALITY AS names(each, place)
  ),
  measured AS (
    SELECT each, 2.0 * sqlml.matching_characters(sqlml.folded(each), sqlml.folded(name))
      / greatest(length(each) + length(name), 1) AS likeness
    FROM listed
  ),
  close AS (
    SELECT each, likeness FROM measured WHERE likeness >= 0.6
    ORDER BY likeness DESC, each COLLATE "C" DESC LIMIT 3
  )
  SELECT
    coalesce('closest: ' || (SELECT string_agg(each, ', ' ORDER BY likeness DESC, each COLLATE "C" DESC) FROM close) || '; ', '')
    || coalesce('known are: ' || (SELECT string_agg(each, ', ' ORDER BY place) FROM listed WHERE place <= 40), 'there are none')
    || CASE WHEN cardinality(known) > 40 THEN format(', and %s more', cardinality(known) - 40) ELSE '' END
);
GRANT EXECUTE ON FUNCTION sqlml.unknown_name TO sqlml_caller;

RESET ROLE;
RESET search_path;
