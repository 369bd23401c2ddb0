-- Hold what decides who may call the functions of a model, until the end of the transaction: a version that is trained or
-- goes live in another one has its grants by then, or gets those of this one.
-- Only sqlml_owner may call it, as sqlml.grant_model and sqlml.revoke_model do.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.lock_grants(model text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  of_model CONSTANT text := 'model ' || model;
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION USING ERRCODE = 'ML050', MESSAGE = format(
      'the transaction is %s and would not see the versions that another job makes while this one waits for it; '
      'ROLLBACK, and call it in one that is READ COMMITTED', upper(current_setting('transaction_isolation'))
    );
  END IF;
  -- The locks that a deploy takes, in the same order.
  INSERT INTO sqlml.lock (name) VALUES (of_model);
  DELETE FROM sqlml.lock WHERE name = of_model;
  INSERT INTO sqlml.lock (name) VALUES ('dispatchers') ON CONFLICT (name) DO UPDATE SET name = excluded.name;
EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
  RAISE EXCEPTION USING ERRCODE = 'ML061', MESSAGE = format(
    '%s. Another job wrote the same rows at the same time; run it again', SQLERRM
  );
END
$$;

RESET ROLE;
RESET search_path;
