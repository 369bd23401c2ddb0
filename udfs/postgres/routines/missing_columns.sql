-- What to say of columns that a row lacks, with the closest of those that it has; NULL where it lacks none.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.missing_columns(lacking text[], given text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT format(
    'the row lacks %s %s that the model reads; its columns are %s',
    CASE WHEN count(*) = 1 THEN 'column' ELSE 'columns' END,
    string_agg(sqlml.in_quotes(name) || coalesce(' (did you mean ' || sqlml.in_quotes((
      SELECT each FROM unnest(given) AS each
      WHERE 2.0 * sqlml.matching_characters(each, name) / (length(each) + length(name)) >= 0.6
      ORDER BY 2.0 * sqlml.matching_characters(each, name) / (length(each) + length(name)) DESC, each COLLATE "C" DESC
      LIMIT 1
    )) || '?)', ''), ', ' ORDER BY place),
    coalesce((
      SELECT string_agg(sqlml.in_quotes(each), ', ' ORDER BY place) FROM unnest(given) WITH ORDINALITY AS all_given(each, place)
    ), 'none')
  )
  FROM unnest(lacking) WITH ORDINALITY AS names(name, place)
  HAVING count(*) > 0
);
GRANT EXECUTE ON FUNCTION sqlml.missing_columns TO sqlml_caller;

RESET ROLE;
RESET search_path;
