-- The roles of sqlml. Roles belong to the whole cluster: where another database has made them, they are taken as they are.
-- Whoever runs this is a superuser, or has CREATEROLE, and has CREATE on the database.
SET search_path = pg_catalog;

DO $$
BEGIN
  -- Names, categories and models are any text, and the same bytes in both engines.
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
      'database %I is encoded in %s, which cannot hold all text, and sqlml needs UTF8; install into a database that was made '
      'by CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0', current_database(), current_setting('server_encoding')
    );
  END IF;
END
$$;

DO $$
DECLARE
  may_create CONSTANT boolean := (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user);
  wanted record;
BEGIN
  FOR wanted IN
    VALUES
      ('sqlml_owner', 'Owns schema sqlml and all that is in it; nobody logs in as it'),
      ('sqlml_caller', 'Calls what compiled models are made of, and no model that is not granted to it'),
      ('sqlml_reader', 'Reads the metadata tables of sqlml and calls the functions that only read'),
      ('sqlml_scorer', 'Reads, scores with every model, and records the truth'),
      ('sqlml_trainer', 'Scores, trains, checks and monitors'),
      ('sqlml_approver', 'Reads; approvals of what goes live are planned'),
      ('sqlml_deployer', 'Reads, puts versions live and takes them back, and grants models to roles'),
      ('sqlml_auditor', 'Reads what was done, when and by whom')
  LOOP
    CONTINUE WHEN to_regrole(wanted.column1) IS NOT NULL;
    IF NOT may_create THEN
      RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
        'role %s is not there, and %I may not create it; install as a role with CREATEROLE', wanted.column1, current_user
      );
    END IF;
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted.column1);
      EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.column1, wanted.column2);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      CONTINUE;  -- Another database of the cluster was quicker.
    END;
  END LOOP;
END
$$;

-- What a role may do, its members may do as well.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    VALUES ('sqlml_caller', 'sqlml_reader', ''), ('sqlml_reader', 'sqlml_scorer', ''),
           ('sqlml_scorer', 'sqlml_trainer', ''), ('sqlml_reader', 'sqlml_approver', ''),
           ('sqlml_reader', 'sqlml_deployer', ''), ('sqlml_reader', 'sqlml_auditor', ''),
           -- So that sqlml.grant_model, which runs as sqlml_owner, can make others members.
           ('sqlml_caller', 'sqlml_owner', 'WITH ADMIN OPTION')
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_auth_members AS known
      WHERE known.roleid = to_regrole(wanted.column1) AND known.member = to_regrole(wanted.column2)
    );
    BEGIN
      EXECUTE format('GRANT %I TO %I %s', wanted.column1, wanted.column2, wanted.column3);
    EXCEPTION WHEN unique_violation THEN
      CONTINUE;  -- Another database of the cluster was quicker.
    END;
  END LOOP;
END
$$;

DO $$
DECLARE
  schema_owner CONSTANT name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'sqlml');
  -- From PostgreSQL 16 on a member may be one that cannot take the role.
  is_old CONSTANT boolean := current_setting('server_version_num')::integer < 160000;
  right_to_take CONSTANT text := CASE WHEN is_old THEN 'MEMBER' ELSE 'SET' END;
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'sqlml_owner' AND (rolsuper OR rolcanlogin)) THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE =
      'sqlml_owner owns functions that run with its rights: ALTER ROLE sqlml_owner NOSUPERUSER NOLOGIN, then install';
  END IF;
  -- Whoever owns the schema could put other objects under the names of ours.
  IF schema_owner <> 'sqlml_owner' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
      'schema sqlml belongs to %I and not to sqlml_owner; rename or drop that schema, then install', schema_owner
    );
  END IF;
  -- Who has made the role there has the right to grant it, and not yet to take it or to do what it may.
  IF NOT (pg_has_role('sqlml_owner', right_to_take) AND pg_has_role('sqlml_owner', 'USAGE')) THEN
    EXECUTE format(
      'GRANT sqlml_owner TO %I %s', current_user, CASE WHEN is_old THEN '' ELSE 'WITH INHERIT TRUE, SET TRUE' END
    );
  END IF;
  IF NOT pg_has_role('sqlml_owner', 'USAGE') THEN
    RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
      '%1$I has no right of sqlml_owner before it takes that role, and cannot install so: ALTER ROLE %1$I INHERIT', current_user
    );
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE EXCEPTION USING ERRCODE = 'ML070', MESSAGE = format(
    '%1$I is no member of sqlml_owner, which exists already; a superuser can GRANT sqlml_owner TO %1$I', current_user
  );
END
$$;

RESET search_path;
