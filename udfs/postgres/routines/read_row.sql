-- The columns that a model reads out of a row, under their names, as a JSON object whose values can be read as they stand.
-- Compiled models call it for a row that is out of the ordinary: where a name differs by case, a REAL or a CHAR(n) hides
-- behind its text, a boolean stands for a number, the row is NULL; and where something is wrong, which it says.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.read_row(address text, columns json, features anyelement) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 SET jit = off AS $$
DECLARE
  facts CONSTANT record := sqlml.type_facts(pg_typeof(features)::oid, -1);
  -- The columns of such a row have no types; what JSON has for them must do.
  by_value CONSTANT boolean := facts.base IN ('record'::regtype, 'json'::regtype, 'jsonb'::regtype);
  document CONSTANT jsonb := to_jsonb(features);
  faults text;
  answer jsonb;
BEGIN
  IF jsonb_typeof(document) <> 'object' OR document IS NULL AND NOT (by_value OR facts.words = 'STRUCT') THEN
    RAISE EXCEPTION USING ERRCODE = 'ML020', MESSAGE = format(
      'features is a value of type %s, not a row; pass the alias of a relation, as t in predict(''model'', t) '
      'where it reads FROM my_table AS t, or a literal row such as {''a'': 1}', facts.words
    );
  ELSIF document IS NULL AND by_value THEN
    RETURN (SELECT coalesce(jsonb_object_agg(wanted ->> 0, NULL), '{}') FROM json_array_elements(columns) AS wanted);
  END IF;
  WITH given AS MATERIALIZED (
    SELECT * FROM sqlml.row_columns(features)
  ),
  wanted AS (
    SELECT place, pair ->> 0 AS name, sqlml.folded(pair ->> 0) AS folded, pair ->> 1 AS type
    FROM json_array_elements(columns) WITH ORDINALITY AS pairs(pair, place)
  ),
  found AS (
    SELECT wanted.place, wanted.name, wanted.type, given.name AS given, given.place AS given_place,
           given.kind, given.words, given.base,
           sqlml.is_readable(wanted.type, given.kind, document -> given.name, by_value) AS fits
    FROM wanted JOIN given ON given.name = wanted.name
      OR sqlml.folded(given.name) = wanted.folded AND NOT EXISTS (SELECT FROM given AS exact WHERE exact.name = wanted.name)
        AND given.name NOT IN (SELECT name FROM wanted)
  ),
  counted AS (
    SELECT *, count(*) OVER (PARTITION BY name) AS candidates FROM found
  )
  SELECT
    concat_ws('; ', sqlml.missing_columns(
      ARRAY(SELECT name FROM wanted WHERE name NOT IN (SELECT name FROM found) ORDER BY place),
      ARRAY(SELECT name FROM given ORDER BY place)
    ), (
      SELECT string_agg(fault, '; ' ORDER BY place) FROM (
        SELECT place, format(
          'column %s could be any of %s; give exactly one of them the name %1$s',
          sqlml.in_quotes(name), string_agg(sqlml.in_quotes(given), ', ' ORDER BY given_place)
        ) AS fault
        FROM counted WHERE candidates > 1 GROUP BY place, name
      ) AS ambiguous
    ), (
      SELECT string_agg(format(
        'column %s is %s and the model reads it as %s; %s', sqlml.in_quotes(name), words, type,
        sqlml.type_remedy(name, type, kind, words)
      ), '; ' ORDER BY place)
      FROM counted WHERE candidates = 1 AND NOT fits
    )),
    (SELECT jsonb_object_agg(name, sqlml.plain_value(document -> given, type, base)) FROM counted)
  INTO faults, answer;
  IF faults <> '' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML020', MESSAGE = format('model %s: %s', sqlml.in_quotes(address), faults);
  END IF;
  RETURN coalesce(answer, '{}');
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.read_row TO sqlml_caller;

RESET ROLE;
RESET search_path;
