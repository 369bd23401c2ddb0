-- The ROC curve of a binary model, one row per distinct score.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.roc_curve(model text, relation text) RETURNS TABLE (
  threshold double precision, false_positive_rate double precision, true_positive_rate double precision
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT given.* FROM pg_catalog.jsonb_to_recordset(
    sqlml.read_verb('roc_curve', pg_catalog.jsonb_build_object('model', roc_curve.model, 'relation', roc_curve.relation))
  ) AS given(
    threshold double precision, false_positive_rate double precision, true_positive_rate double precision
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.roc_curve TO sqlml_reader;

RESET ROLE;
RESET search_path;
