-- Refuse a job whose procedure the role that asks may not call. Runs with the rights of that role, as triggers do.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.check_job() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sqlml.require_execute(NEW.verb);
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_job BEFORE INSERT ON sqlml.job FOR EACH ROW EXECUTE FUNCTION sqlml.check_job();

RESET ROLE;
RESET search_path;
