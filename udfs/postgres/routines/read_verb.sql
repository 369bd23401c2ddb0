-- What Python answers in the transaction of the caller and with the caller's rights.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.read_verb(verb text, arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  answered jsonb;
BEGIN
  IF pg_catalog.to_regprocedure('sqlml.call_inline(text, jsonb)') IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = pg_catalog.format(
      'sqlml.%s needs PL/Python in this database, and it was installed without; '
      'run sqlml install --level inline as a superuser where the server has plpython3u', verb
    );
  END IF;
  answered := sqlml.call_inline(verb, arguments);
  IF answered ? 'error' THEN
    RAISE EXCEPTION USING ERRCODE = answered #>> '{error,code}', MESSAGE = answered #>> '{error,message}';
  END IF;
  RETURN answered -> 'answer';
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.read_verb TO sqlml_reader;

RESET ROLE;
RESET search_path;
