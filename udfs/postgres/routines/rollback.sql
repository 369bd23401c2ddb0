-- Let an alias name again the version that it named before the last deploy.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.rollback(
  INOUT model text, INOUT alias text DEFAULT 'champion', INOUT version integer DEFAULT NULL,
  INOUT previous_version integer DEFAULT NULL, INOUT valid_from timestamp DEFAULT NULL, reason text DEFAULT NULL
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(version, previous_version, valid_from) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.rollback gives version, previous_version, valid_from back and does not take them';
  END IF;
  CALL sqlml.run_verb('rollback', pg_catalog.jsonb_build_object(
    'model', model, 'alias', alias, 'reason', reason
  ), 'auto', answer);
  SELECT given.* INTO model, alias, version, previous_version, valid_from
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    model text, alias text, version integer, previous_version integer, valid_from timestamp
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.rollback TO sqlml_deployer;

RESET ROLE;
RESET search_path;
