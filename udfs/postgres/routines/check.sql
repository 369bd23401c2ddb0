-- Hold a relation against a suite of checks; a check that does not pass is a result, not an error.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml."check"(
  relation text, suite text, INOUT run_id text DEFAULT NULL, INOUT passed bigint DEFAULT NULL,
  INOUT warned bigint DEFAULT NULL, INOUT failed bigint DEFAULT NULL, INOUT skipped bigint DEFAULT NULL,
  wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(run_id, passed, warned, failed, skipped) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.check gives run_id, passed, warned, failed, skipped back and does not take them';
  END IF;
  CALL sqlml.run_verb('check', pg_catalog.jsonb_build_object(
    'relation', relation, 'suite', suite
  ), 'auto', answer, wait);
  SELECT given.* INTO run_id, passed, warned, failed, skipped
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    run_id text, passed bigint, warned bigint, failed bigint, skipped bigint
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml."check" TO sqlml_trainer;

RESET ROLE;
RESET search_path;
