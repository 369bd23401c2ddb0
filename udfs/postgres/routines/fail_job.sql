-- Mark a job failed, with the SQLSTATE and the words of its error; an attempt that another one has followed changes nothing.
-- Only sqlml_owner may call it, as the worker does.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.fail_job(run_id text, attempt integer, code text, error text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE sqlml.job AS failed SET
    status = 'failed', error_code = code, error = fail_job.error, ended_at = clock_timestamp() AT TIME ZONE 'UTC'
  WHERE failed.run_id = fail_job.run_id AND failed.attempts = fail_job.attempt AND failed.status = 'running';
END
$$;

RESET ROLE;
RESET search_path;
