-- The door to Python in the server: a verb and its arguments, with the rights of the caller; the answer or the error.
-- Whoever runs this is a superuser: the language is not trusted.
SET search_path = pg_catalog;
CREATE EXTENSION IF NOT EXISTS plpython3u;

CREATE OR REPLACE FUNCTION sqlml.call_inline(verb text, arguments jsonb) RETURNS jsonb
LANGUAGE plpython3u AS $$
plpy.execute(plpy.prepare("SELECT sqlml.require_execute($1)", ["text"]), [verb])
from sqlml.server import answer
return answer(plpy, verb, arguments)
$$;
ALTER FUNCTION sqlml.call_inline OWNER TO sqlml_owner;
REVOKE ALL ON FUNCTION sqlml.call_inline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sqlml.call_inline TO sqlml_reader;

RESET search_path;
