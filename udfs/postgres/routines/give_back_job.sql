-- Put a job whose attempt ended before its time back among those that wait. Where that was by an error that may be gone the
-- next time, the error is given; the fifth of them marks the job failed.
-- Only sqlml_owner may call it, as the worker does.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.give_back_job(
  run_id text, attempt integer, code text DEFAULT NULL, error text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tried integer;
BEGIN
  UPDATE sqlml.job AS given SET retries = given.retries + CASE WHEN code IS NULL THEN 0 ELSE 1 END
  WHERE given.run_id = give_back_job.run_id AND given.attempts = give_back_job.attempt AND given.status = 'running'
  RETURNING given.retries INTO tried;
  IF tried >= 5 AND code IS NOT NULL THEN
    PERFORM sqlml.fail_job(run_id, attempt, code, format('%s. That was so in %s attempts', rtrim(error, '.'), tried));
  ELSE
    UPDATE sqlml.job AS given SET status = 'queued'
    WHERE given.run_id = give_back_job.run_id AND given.attempts = give_back_job.attempt AND given.status = 'running';
  END IF;
END
$$;

RESET ROLE;
RESET search_path;
