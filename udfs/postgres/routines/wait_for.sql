-- Wait until a job has ended; gives its answer, or raises its error.
-- A procedure with no SET clause: between two looks it commits, so that it holds neither a snapshot nor a lock.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.wait_for(run_id text, INOUT answer jsonb DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
  refusal text;
  job sqlml.job;
  pause double precision := 0.02::double precision;
  began CONSTANT timestamptz := pg_catalog.clock_timestamp();
  how_to_follow CONSTANT text := pg_catalog.format('SELECT * FROM sqlml.job WHERE run_id = %L', run_id);
BEGIN
  BEGIN
    COMMIT;  -- Always refused in a block that has an EXCEPTION clause; in what words says whether it is elsewhere, too.
  EXCEPTION WHEN invalid_transaction_termination THEN
    GET STACKED DIAGNOSTICS refusal = MESSAGE_TEXT;
  END;
  IF refusal = sqlml.refusal_to_commit() THEN
    RAISE EXCEPTION USING ERRCODE = 'ML050', MESSAGE =
      'this waits for the worker, which sees a job only when it is committed, and a transaction is open; COMMIT first, '
      'or give wait => false, COMMIT, and follow the run in sqlml.job. A function, EXECUTE, a block with EXCEPTION, '
      'and a procedure with a SET clause, such as SET search_path, cannot commit: write CALL in a procedure without them';
  END IF;
  LOOP
    COMMIT;
    SELECT asked.* INTO job FROM sqlml.job AS asked WHERE asked.run_id = wait_for.run_id;
    IF job.status = 'succeeded' THEN
      answer := job.answer;
      RETURN;
    ELSIF job.status = 'failed' THEN
      RAISE EXCEPTION USING ERRCODE = job.error_code, MESSAGE = job.error;
    ELSIF job.status IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE = pg_catalog.format(
        'run_id => %s is no job of yours; SELECT run_id, verb, status FROM sqlml.job shows them',
        coalesce(sqlml.in_quotes(run_id), 'NULL')
      );
    ELSIF NOT sqlml.has_worker() AND pg_catalog.clock_timestamp() > began + interval '1 minute' THEN
      RAISE EXCEPTION USING ERRCODE = 'ML080', MESSAGE = pg_catalog.format(
        'run %s is %s, and no worker is running; it is kept and will be done once ''sqlml worker'' runs. Follow it: %s',
        run_id, job.status, how_to_follow
      );
    END IF;
    BEGIN
      PERFORM pg_catalog.pg_sleep(pause);
    EXCEPTION WHEN query_canceled THEN
      RAISE EXCEPTION USING ERRCODE = 'query_canceled', MESSAGE = pg_catalog.format(
        '%s; run %s goes on in the worker. Follow it: %s', SQLERRM, run_id, how_to_follow
      );
    END;
    pause := least(pause * 1.5, 1.0);
  END LOOP;
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.wait_for TO sqlml_reader;

RESET ROLE;
RESET search_path;
