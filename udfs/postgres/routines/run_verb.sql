-- Where the work of a procedure is done: here, by PL/Python in the transaction of the caller, or by the worker.
-- A procedure with no SET clause, as are its callers: what the worker is to do has to be committed first.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.run_verb(
  verb text, arguments jsonb, runtime text, INOUT answer jsonb, wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  place CONSTANT text := coalesce(runtime, 'auto');
  has_python CONSTANT boolean := pg_catalog.to_regprocedure('sqlml.call_inline(text, jsonb)') IS NOT NULL;
  job text;
BEGIN
  IF place <> ALL ('{auto,inline,worker}'::text[]) THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE = pg_catalog.format(
      'runtime => %s is unknown; %s', sqlml.in_quotes(place), sqlml.unknown_name(place, '{auto,inline,worker}')
    );
  ELSIF place = 'inline' OR place = 'auto' AND has_python THEN
    answer := sqlml.read_verb(verb, arguments);
    RETURN;
  END IF;
  INSERT INTO sqlml.job AS asked (verb, arguments) VALUES (run_verb.verb, run_verb.arguments) RETURNING asked.run_id INTO job;
  IF coalesce(wait, true) THEN
    CALL sqlml.wait_for(job, answer);
  ELSE
    answer := pg_catalog.jsonb_build_object('run_id', job, 'model', arguments -> 'model', 'reason', pg_catalog.format(
      'queued for the worker; follow it: SELECT * FROM sqlml.job WHERE run_id = %L', job
    ));
  END IF;
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.run_verb TO sqlml_reader;

RESET ROLE;
RESET search_path;
