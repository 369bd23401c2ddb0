-- Begin an attempt at a job; gives no row where there is nothing to do, or another worker is at it and alive.
-- Only sqlml_owner may call it, as the worker does.
-- What cannot be done is marked failed, with the reason: a job that ended its worker three times, or a role for which the
-- worker may not act.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.take_job(run_id text, worker text, worker_id bigint) RETURNS TABLE (
  attempt integer, verb text, arguments jsonb, asked_by text, search_path text
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  job sqlml.job;
  login CONSTANT name := session_user;
  -- From PostgreSQL 16 on a member may be one that cannot take the role.
  is_old CONSTANT boolean := current_setting('server_version_num')::integer < 160000;
  right_to_take CONSTANT text := CASE WHEN is_old THEN 'MEMBER' ELSE 'SET' END;
  refusal text;
BEGIN
  UPDATE sqlml.job AS taken SET
    attempts = taken.attempts + 1,
    -- Where this very worker has begun it before, it was the database that was gone.
    deaths = taken.deaths + CASE WHEN taken.status = 'running' AND taken.worker_id <> take_job.worker_id THEN 1 ELSE 0 END,
    status = 'running', worker = take_job.worker, worker_id = take_job.worker_id,
    started_at = clock_timestamp() AT TIME ZONE 'UTC'
  WHERE taken.run_id = take_job.run_id AND (
    taken.status = 'queued'
    OR taken.status = 'running' AND NOT EXISTS (
      SELECT FROM sqlml_queue.procrastinate_workers AS other
      WHERE other.id = taken.worker_id AND other.id <> take_job.worker_id
    )
  )
  RETURNING * INTO job;
  IF job.run_id IS NULL THEN
    RETURN;
  END IF;
  IF job.deaths >= 3 OR job.attempts > 20 THEN
    refusal := format(
      'its worker was gone before the end %s times, and %s attempts were begun, so it is not begun again; a worker that is '
      'killed while it works mostly lacks memory: give it more, or fewer rows', job.deaths, job.attempts - 1
    );
  ELSIF NOT EXISTS (SELECT FROM pg_roles WHERE oid = job.asked_by_oid AND rolname = job.asked_by) THEN
    refusal := format('role %I, which asked for this, is not there any more; ask again as another role', job.asked_by);
  ELSIF NOT pg_has_role(login, job.asked_by_oid, right_to_take) THEN
    refusal := format('the worker runs as %1$I, which may not act as %2$I: GRANT %2$I TO %1$I, and ask again', login, job.asked_by);
    IF (SELECT rolsuper FROM pg_roles WHERE oid = job.asked_by_oid) THEN
      refusal := format(
        '%I is a superuser, for whom no worker should act; ask as an ordinary role, such as after SET ROLE', job.asked_by
      );
    END IF;
  ELSIF NOT EXISTS (
    SELECT FROM pg_proc AS called
    WHERE called.pronamespace = 'sqlml'::regnamespace AND called.proname = job.verb AND called.prokind = 'p'
      AND has_function_privilege(job.asked_by_oid, called.oid, 'EXECUTE')
  ) THEN
    refusal := format('%I may not call sqlml.%I: permission denied', job.asked_by, job.verb);
  END IF;
  IF refusal IS NOT NULL THEN
    PERFORM sqlml.fail_job(job.run_id, job.attempts, 'ML080', refusal);
    RETURN;
  END IF;
  RETURN QUERY SELECT job.attempts, job.verb, job.arguments, job.asked_by, job.search_path;
END
$$;

RESET ROLE;
RESET search_path;
