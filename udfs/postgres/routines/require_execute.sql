-- Refuse a verb whose routine the current user may not call: whatever door it comes through, the grants hold.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.require_execute(verb text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_proc
    WHERE pronamespace = 'sqlml'::regnamespace AND proname = verb AND has_function_privilege(oid, 'EXECUTE')
  ) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for sqlml.%I', coalesce(verb, 'NULL'));
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.require_execute TO sqlml_reader;

RESET ROLE;
RESET search_path;
