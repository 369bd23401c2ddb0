-- Put a job that was asked for into the queue of the workers, in the same transaction.
-- Runs with the rights of sqlml_owner, to whom the queue belongs.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.queue_job() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sqlml, pg_temp AS $$
BEGIN
  PERFORM sqlml.defer_job(NEW.run_id);
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER queue_job AFTER INSERT ON sqlml.job FOR EACH ROW EXECUTE FUNCTION sqlml.queue_job();

RESET ROLE;
RESET search_path;
