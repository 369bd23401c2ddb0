-- Who logs in: an analyst, the dbt job and the worker, each with the rights that it needs. Run by a superuser, after
-- sqlml is installed; it can be run again. Passwords are set elsewhere: a login without one is refused.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['analyst', 'dbt', 'worker'] LOOP
    IF to_regrole(wanted) IS NULL THEN
      EXECUTE format('CREATE ROLE %I', wanted);
    END IF;
  END LOOP;
END
$$;

ALTER ROLE analyst LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;
ALTER ROLE dbt LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10;
-- The worker has no right of its own: for each job it takes on the role that asked, and for the records their owner.
ALTER ROLE worker LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;
COMMENT ON ROLE analyst IS 'Trains, deploys and scores by hand; its tables are in schema analyst';
COMMENT ON ROLE dbt IS 'The scheduled dbt job; its tables are in schema dbt';
COMMENT ON ROLE worker IS 'sqlml worker; acts for those whose member it is, and for nobody else';

GRANT sqlml_trainer, sqlml_deployer TO analyst, dbt;
GRANT analyst, dbt, sqlml_owner TO worker;

-- A role's own schema is first on its search path, so that nobody writes to public.
CREATE SCHEMA IF NOT EXISTS analyst AUTHORIZATION analyst;
CREATE SCHEMA IF NOT EXISTS dbt AUTHORIZATION dbt;
-- What the job makes, all who use sqlml may read.
GRANT USAGE ON SCHEMA dbt TO sqlml_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE dbt IN SCHEMA dbt GRANT SELECT ON TABLES TO sqlml_reader;
