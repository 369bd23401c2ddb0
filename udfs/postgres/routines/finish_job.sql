-- Mark a job succeeded, in the transaction that writes down what it did: it commits with it, or not at all.
-- An attempt that another one has followed is refused, and so undone. Only sqlml_owner may call it, as the worker does.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.finish_job(run_id text, attempt integer, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE sqlml.job AS done SET
    status = 'succeeded', answer = finish_job.answer, ended_at = clock_timestamp() AT TIME ZONE 'UTC'
  WHERE done.run_id = finish_job.run_id AND done.attempts = finish_job.attempt AND done.status = 'running';
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'ML080', MESSAGE = format(
      'attempt %s at run %s was given up: another worker took the job over', attempt, run_id
    );
  END IF;
END
$$;

RESET ROLE;
RESET search_path;
