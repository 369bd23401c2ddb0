-- Let every new session of this database find predict() and the others without their schema, after all names of its own.
-- What such a session searches now is kept, wherever it was set: for the database, for all roles, or for the server.
-- A role that has a search path of its own keeps that one.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.put_on_search_path(INOUT previous text DEFAULT NULL, INOUT path text DEFAULT NULL)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this_database CONSTANT oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  login CONSTANT oid := (SELECT oid FROM pg_roles WHERE rolname = session_user);
  change CONSTANT text := format('ALTER DATABASE %I SET search_path', current_database());
BEGIN
  previous := (
    SELECT substr(setting, length('search_path=') + 1) FROM pg_db_role_setting, unnest(setconfig) AS setting
    WHERE setrole = 0 AND setdatabase IN (0, this_database) AND starts_with(setting, 'search_path=')
    ORDER BY setdatabase DESC LIMIT 1
  );
  IF previous IS NOT NULL THEN
    NULL;
  ELSIF NOT EXISTS (
    SELECT FROM pg_db_role_setting, unnest(setconfig) AS setting
    WHERE setrole = login AND setdatabase IN (0, this_database) AND starts_with(setting, 'search_path=')
  ) THEN
    previous := (SELECT reset_val FROM pg_settings WHERE name = 'search_path');
  ELSIF has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') THEN
    -- This session began with the path of its login, which is nobody else's.
    previous := coalesce(
      (SELECT setting FROM pg_file_settings WHERE name = 'search_path' AND applied),
      (SELECT boot_val FROM pg_settings WHERE name = 'search_path')
    );
  ELSE
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
      'login %I has a search path of its own, and may not see that of other sessions; install as another login, or: '
      '%s = "$user", public, sqlml', session_user, change
    );
  END IF;
  path := previous;
  IF path !~ '(^|[ ,])"?sqlml"?($|[ ,])' THEN
    path := CASE WHEN btrim(path, ' "') = '' THEN 'sqlml' ELSE path || ', sqlml' END;
    -- As it stands, whoever wrote it: it may be text that a statement would read otherwise.
    PERFORM set_config('search_path', path, true);
    EXECUTE change || ' FROM CURRENT';
  END IF;
END
$$;

RESET ROLE;
RESET search_path;
