-- Score every row of a relation that has no prediction of this version yet, into a prediction table.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.score(
  model text, relation text, "into" text, key_column text, INOUT run_id text DEFAULT NULL,
  INOUT "rows" bigint DEFAULT NULL, INOUT version integer DEFAULT NULL, time_column text DEFAULT NULL,
  wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(run_id, "rows", version) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.score gives run_id, rows, version back and does not take them';
  END IF;
  CALL sqlml.run_verb('score', pg_catalog.jsonb_build_object(
    'model', model, 'relation', relation, 'into', "into", 'key_column', key_column,
    'time_column', time_column
  ), 'auto', answer, wait);
  SELECT given.* INTO run_id, "rows", version
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    run_id text, "rows" bigint, version integer
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.score TO sqlml_scorer;

RESET ROLE;
RESET search_path;
