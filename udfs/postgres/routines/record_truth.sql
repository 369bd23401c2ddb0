-- Write down what really happened, by the key of the prediction; what is known already adds nothing.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.record_truth(
  model text, relation text, key_column text, truth_column text, INOUT run_id text DEFAULT NULL,
  INOUT "rows" bigint DEFAULT NULL, observed_column text DEFAULT NULL, time_column text DEFAULT NULL,
  wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(run_id, "rows") > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.record_truth gives run_id, rows back and does not take them';
  END IF;
  CALL sqlml.run_verb('record_truth', pg_catalog.jsonb_build_object(
    'model', model, 'relation', relation, 'key_column', key_column, 'truth_column', truth_column,
    'observed_column', observed_column, 'time_column', time_column
  ), 'auto', answer, wait);
  SELECT given.* INTO run_id, "rows"
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    run_id text, "rows" bigint
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.record_truth TO sqlml_scorer;

RESET ROLE;
RESET search_path;
