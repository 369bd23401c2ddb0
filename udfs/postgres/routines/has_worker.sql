-- Whether a worker has been at work on the queue within the last minute.
-- Runs with the rights of sqlml_owner, to whom the queue belongs.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.has_worker() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, sqlml_queue, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM sqlml_queue.procrastinate_workers WHERE last_heartbeat > clock_timestamp() - interval '1 minute'
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.has_worker TO sqlml_reader;

RESET ROLE;
RESET search_path;
