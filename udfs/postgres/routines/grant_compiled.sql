-- A compiled routine may be called by the members of sqlml_scorer, and by the roles to which its model is granted;
-- one that answers for every model by every such role. It is granted when it is recorded, whoever compiles it, and taken
-- from everybody else, to whom default privileges may have given it.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.grant_compiled() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  of_model CONSTANT text := split_part(substr(NEW.file, length('compiled:') + 1), '@', 1);
  wanted CONSTANT text[] := ARRAY(
    SELECT 'sqlml_scorer'
    UNION
    SELECT listed.role FROM sqlml.granted_model AS listed WHERE listed.model = of_model OR of_model = ''
  );
  grantee text;
BEGIN
  FOR grantee IN
    SELECT pg_get_userbyid(held.grantee)::text
    FROM pg_proc AS made, aclexplode(coalesce(made.proacl, acldefault('f', made.proowner))) AS held
    WHERE made.oid = NEW.routine::regprocedure AND held.grantee NOT IN (0, made.proowner)
      AND pg_get_userbyid(held.grantee) <> ALL (wanted)
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %I CASCADE', NEW.routine::regprocedure, grantee);
  END LOOP;
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC CASCADE', NEW.routine::regprocedure);
  FOREACH grantee IN ARRAY wanted LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', NEW.routine::regprocedure, grantee);
  END LOOP;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER compiled_is_granted AFTER INSERT ON sqlml.routine
FOR EACH ROW WHEN (starts_with(NEW.file, 'compiled:')) EXECUTE FUNCTION sqlml.grant_compiled();

RESET ROLE;
RESET search_path;
