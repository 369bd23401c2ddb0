-- Let a role score with every version of a model, those to come included.
-- It runs with the rights of sqlml_owner, to whom the functions belong; its own grant says who may call it.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.grant_model(model text, role text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  compiled text;
BEGIN
  IF NOT EXISTS (SELECT FROM sqlml.model AS listed WHERE listed.model = grant_model.model) THEN
    PERFORM sqlml.unknown_address(grant_model.model);
  ELSIF to_regrole(quote_ident(role)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE = format(
      'role => %s is no role of this server; CREATE ROLE makes one', coalesce(sqlml.in_quotes(role), 'NULL')
    );
  ELSIF starts_with(role, 'sqlml_') THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE = format(
      'role => ''%s'' has its rights from sqlml itself; name a role of your own', role
    );
  END IF;
  PERFORM sqlml.lock_grants(model);
  -- What is granted to roles that are gone, or have been renamed; this one may be among them.
  DELETE FROM sqlml.model_grant AS listed
  WHERE listed.model = grant_model.model AND NOT EXISTS (
    SELECT FROM pg_roles AS known WHERE known.oid = listed.grantee AND known.rolname = listed.grantee_name
  );
  INSERT INTO sqlml.model_grant (model, grantee, grantee_name, granted_at, granted_by)
  SELECT grant_model.model, known.oid, known.rolname, clock_timestamp() AT TIME ZONE 'UTC', session_user
  FROM pg_roles AS known WHERE known.oid = quote_ident(role)::regrole
  ON CONFLICT DO NOTHING;
  IF NOT pg_has_role(role, 'sqlml_caller', 'USAGE') THEN
    EXECUTE format('GRANT sqlml_caller TO %I', role);
  END IF;
  FOR compiled IN
    SELECT listed.routine FROM sqlml.routine AS listed
    WHERE starts_with(listed.file, 'compiled:' || grant_model.model || '@') OR listed.file = 'compiled:'
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', compiled::regprocedure, role);
  END LOOP;
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.grant_model TO sqlml_deployer;

RESET ROLE;
RESET search_path;
