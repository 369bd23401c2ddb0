-- Let an alias name a version from now on.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.deploy(
  INOUT model text, INOUT version integer, INOUT alias text DEFAULT 'champion',
  INOUT previous_version integer DEFAULT NULL, INOUT valid_from timestamp DEFAULT NULL,
  strategy text DEFAULT 'immediate', traffic double precision DEFAULT 1.0, reason text DEFAULT NULL
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(previous_version, valid_from) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.deploy gives previous_version, valid_from back and does not take them';
  END IF;
  CALL sqlml.run_verb('deploy', pg_catalog.jsonb_build_object(
    'model', model, 'version', version, 'alias', alias, 'strategy', strategy, 'traffic', sqlml.double_in_json(traffic),
    'reason', reason
  ), 'auto', answer);
  SELECT given.* INTO model, version, alias, previous_version, valid_from
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    model text, version integer, alias text, previous_version integer, valid_from timestamp
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.deploy TO sqlml_deployer;

RESET ROLE;
RESET search_path;
