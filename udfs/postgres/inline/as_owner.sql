-- What sqlml itself writes down is written with the rights of sqlml_owner. What is to be done was put into the memory
-- of this session's Python by sqlml, under a token that holds once; SQL text never comes through here.
-- Whoever runs this is a superuser: the language is not trusted.
SET search_path = pg_catalog;
CREATE EXTENSION IF NOT EXISTS plpython3u;

CREATE OR REPLACE FUNCTION sqlml.as_owner(token text) RETURNS void
LANGUAGE plpython3u AS $$
from sqlml.server import run_as_owner
run_as_owner(plpy, token)
$$;
ALTER FUNCTION sqlml.as_owner OWNER TO sqlml_owner;
REVOKE ALL ON FUNCTION sqlml.as_owner FROM PUBLIC;
ALTER FUNCTION sqlml.as_owner SECURITY DEFINER SET search_path = pg_catalog, sqlml, pg_temp;
GRANT EXECUTE ON FUNCTION sqlml.as_owner TO sqlml_reader;

RESET search_path;
