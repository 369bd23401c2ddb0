-- How often each class was predicted for each actual class.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.confusion_matrix(model text, relation text) RETURNS TABLE (
  actual text, predicted text, n bigint
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT given.* FROM pg_catalog.jsonb_to_recordset(
    sqlml.read_verb('confusion_matrix', pg_catalog.jsonb_build_object('model', confusion_matrix.model, 'relation', confusion_matrix.relation))
  ) AS given(
    actual text, predicted text, n bigint
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.confusion_matrix TO sqlml_reader;

RESET ROLE;
RESET search_path;
