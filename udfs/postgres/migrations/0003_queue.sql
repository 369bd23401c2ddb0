-- What was asked of the worker, by whom, and what became of it. Times are UTC.
-- The queue itself is procrastinate's: its SQL comes with that package, and the installer runs it in schema sqlml_queue.
SET search_path = pg_catalog;
CREATE SCHEMA IF NOT EXISTS sqlml_queue AUTHORIZATION sqlml_owner;

DO $$
DECLARE
  schema_owner CONSTANT name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'sqlml_queue');
BEGIN
  IF schema_owner <> 'sqlml_owner' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
      'schema sqlml_queue belongs to %I and not to sqlml_owner; rename or drop that schema, then install', schema_owner
    );
  END IF;
END
$$;

SET ROLE sqlml_owner;

CREATE TABLE sqlml.job (
  run_id text PRIMARY KEY DEFAULT replace(gen_random_uuid()::text, '-', ''),
  verb text NOT NULL,
  arguments jsonb NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
  answer jsonb,
  error_code text,
  error text,
  attempts integer NOT NULL DEFAULT 0,
  deaths integer NOT NULL DEFAULT 0,
  retries integer NOT NULL DEFAULT 0,
  worker text,
  worker_id bigint,
  asked_by text NOT NULL DEFAULT current_user,
  asked_by_oid regrole NOT NULL DEFAULT quote_ident(current_user)::regrole,
  search_path text NOT NULL DEFAULT current_setting('search_path'),
  asked_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'),
  started_at timestamp,
  ended_at timestamp
);
CREATE INDEX job_by_time ON sqlml.job (asked_at);
CREATE INDEX job_to_do ON sqlml.job (run_id) WHERE status IN ('queued', 'running');
COMMENT ON TABLE sqlml.job IS 'What was asked of the worker; everybody sees the jobs of the roles that they may act as, auditors all';
COMMENT ON COLUMN sqlml.job.run_id IS 'The run, as in sqlml.run once it has succeeded';
COMMENT ON COLUMN sqlml.job.verb IS 'The procedure that was called';
COMMENT ON COLUMN sqlml.job.arguments IS 'Its arguments';
COMMENT ON COLUMN sqlml.job.status IS 'queued, running, succeeded or failed';
COMMENT ON COLUMN sqlml.job.answer IS 'The row that the procedure gives back, once it has succeeded';
COMMENT ON COLUMN sqlml.job.error_code IS 'The SQLSTATE of the error, where it failed';
COMMENT ON COLUMN sqlml.job.error IS 'Why it failed, and what to do';
COMMENT ON COLUMN sqlml.job.attempts IS 'How often a worker began it; only the last attempt can write anything down';
COMMENT ON COLUMN sqlml.job.deaths IS 'How many attempts ended because their worker was gone; the third marks it failed';
COMMENT ON COLUMN sqlml.job.retries IS 'How many attempts ended because the database was lost, or another job wrote the same rows; the fifth marks it failed';
COMMENT ON COLUMN sqlml.job.worker IS 'The worker of the last attempt: login, host and process';
COMMENT ON COLUMN sqlml.job.worker_id IS 'That worker, in the queue; it is there as long as the worker is heard of';
COMMENT ON COLUMN sqlml.job.asked_by IS 'The role that asked, with whose rights it runs; nobody can write another name here';
COMMENT ON COLUMN sqlml.job.asked_by_oid IS 'That role, whatever it is called later; a later one of the same name is not taken for it';
COMMENT ON COLUMN sqlml.job.search_path IS 'The search path of the session that asked, so that names mean what they meant there';
COMMENT ON COLUMN sqlml.job.asked_at IS 'When it was asked for';
COMMENT ON COLUMN sqlml.job.started_at IS 'When the last attempt began';
COMMENT ON COLUMN sqlml.job.ended_at IS 'When it succeeded or failed';

-- Who asks is written down by the server itself: the columns that say so have defaults, and nobody may give them a value.
ALTER TABLE sqlml.job ENABLE ROW LEVEL SECURITY;
CREATE POLICY job_asked ON sqlml.job FOR INSERT WITH CHECK (asked_by = current_user);
CREATE POLICY job_seen ON sqlml.job FOR SELECT
  USING (pg_has_role(asked_by_oid, 'USAGE') OR pg_has_role('sqlml_auditor', 'USAGE'));
GRANT SELECT ON sqlml.job TO sqlml_reader;
GRANT INSERT (verb, arguments) ON sqlml.job TO sqlml_scorer, sqlml_deployer;

RESET ROLE;
RESET search_path;
