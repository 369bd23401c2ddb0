-- In what words this server, in its language, refuses a COMMIT where the caller has a transaction open.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.refusal_to_commit() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  words text;
BEGIN
  COMMIT;  -- A function is always part of the statement of a caller.
EXCEPTION WHEN invalid_transaction_termination THEN
  GET STACKED DIAGNOSTICS words = MESSAGE_TEXT;
  RETURN words;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.refusal_to_commit TO sqlml_reader;

RESET ROLE;
RESET search_path;
