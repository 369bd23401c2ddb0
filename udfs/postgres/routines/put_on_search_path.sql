-- Let every new session of this database find predict() and the others without their schema, after all names of its own.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.put_on_search_path()
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  path text := coalesce(
    (SELECT substr(setting, length('search_path=') + 1)
     FROM pg_db_role_setting, unnest(setconfig) AS setting
     WHERE setrole = 0 AND starts_with(setting, 'search_path=')
       AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
    '"$user", public'
  );
BEGIN
  IF path !~ '(^|[ ,])"?sqlml"?($|[ ,])' THEN
    EXECUTE format('ALTER DATABASE %I SET search_path = %s, sqlml', current_database(), path);
  END IF;
END
$$;

RESET ROLE;
RESET search_path;
