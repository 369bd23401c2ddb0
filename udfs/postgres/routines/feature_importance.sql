-- The share of each column in what the model learned; the shares add up to 1.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.feature_importance(model text) RETURNS TABLE (feature text, importance double precision)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT names.body ->> 'name', coalesce(shares.body::text::double precision, 0.0)
  FROM sqlml.addressed(feature_importance.model) AS named
  JOIN sqlml.model_version AS kept ON kept.model = named.model AND kept.version = named.version
  CROSS JOIN json_array_elements(kept.artifact::json -> 'columns') WITH ORDINALITY AS names(body, place)
  LEFT JOIN json_array_elements(kept.artifact::json -> 'importance') WITH ORDINALITY AS shares(body, place)
    ON shares.place = names.place
  ORDER BY coalesce(shares.body::text::double precision, 0.0) DESC, (names.body ->> 'name') COLLATE "C";
END;
GRANT EXECUTE ON FUNCTION sqlml.feature_importance TO sqlml_reader;

RESET ROLE;
RESET search_path;
