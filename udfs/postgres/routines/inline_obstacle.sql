-- Why Python cannot be put into this server by whoever asks; NULL where it can be.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.inline_obstacle() RETURNS text
LANGUAGE sql STABLE
RETURN CASE
  WHEN NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'plpython3u') THEN format(
    'the server has no plpython3u; on Debian and Ubuntu, apt-get install postgresql-plpython3-%s brings it',
    current_setting('server_version_num')::integer / 10000
  )
  WHEN NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN format(
    '%I is no superuser, and plpython3u is only given to superusers', current_user
  )
END;
GRANT EXECUTE ON FUNCTION sqlml.inline_obstacle TO sqlml_reader;

RESET ROLE;
RESET search_path;
