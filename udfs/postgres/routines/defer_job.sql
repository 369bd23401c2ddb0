-- Put a job into the queue of the workers. Only sqlml_owner may call it.
-- procrastinate's routines find its tables on the search path.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.defer_job(run_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sqlml_queue, pg_temp AS $$
BEGIN
  PERFORM sqlml_queue.procrastinate_defer_jobs_v1(ARRAY[
    ROW('sqlml', 'sqlml', 0, NULL, NULL, jsonb_build_object('run_id', run_id), NULL)
  ]::sqlml_queue.procrastinate_job_to_defer_v1[]);
END
$$;

RESET ROLE;
RESET search_path;
