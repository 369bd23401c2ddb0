-- The metrics of a model on the rows of a relation that has the target.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.evaluate(model text, relation text) RETURNS TABLE (
  metric text, value double precision, n bigint, slice_key text, slice_value text
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT given.* FROM pg_catalog.jsonb_to_recordset(
    sqlml.read_verb('evaluate', pg_catalog.jsonb_build_object('model', evaluate.model, 'relation', evaluate.relation))
  ) AS given(
    metric text, value double precision, n bigint, slice_key text, slice_value text
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.evaluate TO sqlml_reader;

RESET ROLE;
RESET search_path;
