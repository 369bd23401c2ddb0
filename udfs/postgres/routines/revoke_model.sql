-- Take back from a role what sqlml.grant_model has given it. It stays a member of sqlml_caller, which calls no model by
-- itself: another database of the cluster may have granted it one.
-- It runs with the rights of sqlml_owner, to whom the functions belong; its own grant says who may call it.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.revoke_model(model text, role text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  is_last boolean;
  compiled text;
BEGIN
  IF EXISTS (SELECT FROM sqlml.model AS listed WHERE listed.model = revoke_model.model) THEN
    PERFORM sqlml.lock_grants(model);
  END IF;
  DELETE FROM sqlml.model_grant AS listed
  WHERE listed.model = revoke_model.model AND listed.grantee = to_regrole(quote_ident(role));
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE = format(
      'model => %s is not granted to role %s; sqlml.granted_model lists what is',
      coalesce(sqlml.in_quotes(model), 'NULL'), coalesce(sqlml.in_quotes(role), 'NULL')
    );
  END IF;
  is_last := NOT EXISTS (SELECT FROM sqlml.model_grant AS listed WHERE listed.grantee = quote_ident(role)::regrole);
  FOR compiled IN
    SELECT listed.routine FROM sqlml.routine AS listed
    WHERE starts_with(listed.file, 'compiled:' || revoke_model.model || '@') OR (is_last AND listed.file = 'compiled:')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', compiled::regprocedure, role);
  END LOOP;
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.revoke_model TO sqlml_deployer;

RESET ROLE;
RESET search_path;
