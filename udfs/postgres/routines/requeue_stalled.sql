-- Put back the jobs of workers that were not heard of for so many seconds, and those that the queue has lost: sqlml.job says
-- what is still to be done. One worker does it at a time. Only sqlml_owner may call it, as the worker does.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.requeue_stalled(seconds double precision) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, sqlml_queue, pg_temp AS $$
DECLARE
  stalled bigint;
  lost text;
  requeued integer := 0;
BEGIN
  -- A row that only the owner can lock; an advisory lock could be held by anybody who may log in.
  PERFORM FROM sqlml.migration AS listed WHERE listed.migration = 'migrations/0003_queue.sql' FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  PERFORM sqlml_queue.procrastinate_prune_stalled_workers_v1(seconds);
  FOR stalled IN
    SELECT job.id FROM sqlml_queue.procrastinate_jobs AS job
    WHERE job.queue_name = 'sqlml' AND job.status = 'doing' AND job.worker_id IS NULL
    FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM sqlml_queue.procrastinate_retry_job_v2(stalled, now(), NULL, NULL, NULL);
    requeued := requeued + 1;
  END LOOP;
  FOR lost IN
    SELECT asked.run_id FROM sqlml.job AS asked
    WHERE asked.status IN ('queued', 'running')
      AND NOT (asked.status = 'running' AND EXISTS (
        SELECT FROM sqlml_queue.procrastinate_workers AS alive WHERE alive.id = asked.worker_id
      ))
      AND NOT EXISTS (SELECT FROM sqlml_queue.procrastinate_jobs AS job WHERE job.args ->> 'run_id' = asked.run_id)
  LOOP
    PERFORM sqlml.defer_job(lost);
    requeued := requeued + 1;
  END LOOP;
  RETURN requeued;
END
$$;

RESET ROLE;
RESET search_path;
