"""A database in which an engine can be tried without installing sqlml: its schema, the owner, and a caller."""

CREATE_DATABASE = """
DO $$
BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF to_regrole('sqlml_owner') IS NULL THEN CREATE ROLE sqlml_owner NOLOGIN; END IF;
  IF to_regrole('sqlml_test_caller') IS NULL THEN CREATE ROLE sqlml_test_caller LOGIN; END IF;
  IF to_regrole('sqlml_test_login') IS NULL THEN CREATE ROLE sqlml_test_login LOGIN NOINHERIT; END IF;
  GRANT sqlml_owner, sqlml_test_caller TO sqlml_test_login;
END
$$;
CREATE EXTENSION plpython3u;
CREATE SCHEMA sqlml AUTHORIZATION sqlml_owner;
GRANT USAGE ON SCHEMA sqlml TO sqlml_test_caller;
GRANT CREATE ON SCHEMA public TO sqlml_test_caller;

CREATE TABLE sqlml.note (id integer PRIMARY KEY, text text, document jsonb);
ALTER TABLE sqlml.note OWNER TO sqlml_owner;
GRANT SELECT ON sqlml.note TO sqlml_test_caller;

CREATE FUNCTION sqlml.as_owner(token text) RETURNS void LANGUAGE plpython3u SECURITY DEFINER
SET search_path = pg_catalog, sqlml, pg_temp SET standard_conforming_strings = on AS $$
from sqlml.engine.postgres.plpython import run_as_owner
run_as_owner(plpy, token)
$$;
ALTER FUNCTION sqlml.as_owner(text) OWNER TO sqlml_owner;

CREATE TABLE secret (x integer);
CREATE TABLE guarded (owner name DEFAULT current_user, x integer);
INSERT INTO guarded VALUES ('sqlml_test_caller', 1), ('postgres', 2);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (owner = current_user) WITH CHECK (x < 1000000);
GRANT ALL ON guarded TO sqlml_test_caller;
"""

CREATE_RUN_CHECK = """
CREATE FUNCTION run_check(name text, source text) RETURNS text LANGUAGE plpython3u AS $$
import traceback
from sqlml.engine.postgres.plpython import plpython_engine
checks = {}
exec(compile(source, "checks", "exec"), checks)
try:
    checks[name](plpython_engine(plpy))
except Exception:
    return traceback.format_exc()
return None
$$
"""
"""What runs a check in the server, with the engine of its caller; gives the traceback of one that fails."""
