-- Put a job whose attempt was ended in order, by no fault of its own, back among those that wait.
-- Only sqlml_owner may call it, as the worker does.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.give_back_job(run_id text, attempt integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE sqlml.job AS given SET status = 'queued'
  WHERE given.run_id = give_back_job.run_id AND given.attempts = give_back_job.attempt AND given.status = 'running';
END
$$;

RESET ROLE;
RESET search_path;
