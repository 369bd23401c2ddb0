"""Code of an attacker's in every place where a call can be made to run it, and what that code tries.

No table here is vacuumed by the server, which runs the code of an index as the owner, and not on anybody's call.
"""

ATTACKS = [
    "UPDATE sqlml.model SET owner = 'pwned'",
    "INSERT INTO sqlml.deployment SELECT model, 'pwned', 2, role, 1, now() FROM sqlml.deployment",
    "SELECT name FROM sqlml.lock",
    "SET ROLE sqlml_owner",
    "SELECT set_config('role', 'sqlml_owner', true)",
    "SELECT set_config('role', 'sqlml_owner', false)",
    "SET SESSION AUTHORIZATION postgres",
    "SELECT sqlml.as_owner(repeat('0', 32))",
    "CALL sqlml.deploy('buyer', 2)",
    "CALL sqlml.grant_model('other', 'atk_public')",
    'SELECT sqlml.call_inline(\'deploy\', \'{"model": "buyer", "version": 2}\')',
    "CREATE FUNCTION sqlml.pwned() RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE OR REPLACE FUNCTION sqlml.addressed(address text) RETURNS text LANGUAGE sql RETURN ''",
    "ALTER TABLE sqlml.model OWNER TO CURRENT_USER",
    "ALTER FUNCTION sqlml.as_owner SECURITY INVOKER",
    "GRANT sqlml_owner TO CURRENT_USER",
    "CREATE ROLE pwned SUPERUSER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "DROP TABLE public.canary",
    "DELETE FROM public.canary",
    "SELECT * FROM public.secret",
]
"""What the code of the attacker tries, wherever it runs."""


def array(texts):
    return "ARRAY[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


TRAPS = f"""
CREATE SCHEMA trap AUTHORIZATION atk_scorer;
SET ROLE atk_scorer;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE TABLE trap.seen (who text, attack text, outcome text);
GRANT SELECT, INSERT ON trap.seen TO PUBLIC;

CREATE FUNCTION trap.attack() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  each text;
BEGIN
  FOREACH each IN ARRAY {array(ATTACKS)} LOOP
    BEGIN
      EXECUTE each;
      INSERT INTO trap.seen VALUES (current_user, each, 'done');
    EXCEPTION WHEN OTHERS THEN
      INSERT INTO trap.seen VALUES (current_user, each, SQLSTATE || ' ' || SQLERRM);
    END;
  END LOOP;
  RETURN 1;
END $$;
CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.attack(); RETURN NEW; END $$;
CREATE FUNCTION trap.of(value anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN PERFORM trap.attack(); RETURN true; END $$;

CREATE DOMAIN trap.checked AS integer CHECK (trap.of(VALUE));
CREATE DOMAIN trap.number AS double precision CHECK (trap.of(VALUE));
CREATE TYPE trap.key AS ENUM ('1', '2');
CREATE FUNCTION trap.key_as_text(trap.key) RETURNS varchar LANGUAGE plpgsql AS $$
  BEGIN PERFORM trap.attack(); RETURN '1'; END $$;
CREATE CAST (trap.key AS varchar) WITH FUNCTION trap.key_as_text AS ASSIGNMENT;

CREATE VIEW trap.seemly AS SELECT *, (SELECT trap.attack()) AS more FROM public.visit;
CREATE TABLE trap.guarded AS SELECT * FROM public.visit;
ALTER TABLE trap.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY attack ON trap.guarded USING ((SELECT trap.attack()) = 1);
CREATE TABLE trap.indexed WITH (autovacuum_enabled = off) AS SELECT * FROM public.visit;
CREATE INDEX ON trap.indexed ((trap.of(1)));
CREATE TABLE trap.keyed AS SELECT '1'::trap.key AS key, age, bought FROM public.visit LIMIT 1;

CREATE FUNCTION trap.reset() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN trap.attack(); END $$;

CREATE FUNCTION trap.make(name text, columns text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('CREATE TABLE trap.%I (visit_id integer, event_time timestamp, predicted_at timestamp, model varchar,
    version integer, alias varchar, role varchar, run_id varchar, prediction %s, label varchar, features json %s)
    WITH (autovacuum_enabled = off)',
    name, CASE name WHEN 'domain' THEN 'trap.number' ELSE 'double precision' END, columns);
END $$;
SELECT trap.make(name, columns) FROM (VALUES
  ('before', ''), ('after', ''), ('ruled', ''), ('put_off', ''), ('domain', ''), ('expression', ''),
  ('defaulted', ', more integer DEFAULT trap.attack()'),
  ('generated', ', more boolean GENERATED ALWAYS AS (trap.of(version)) STORED'),
  ('constrained', ', CHECK (trap.of(version))'),
  ('partitioned', '')) AS given(name, columns);
CREATE TRIGGER fire BEFORE INSERT ON trap.before FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE TRIGGER fire AFTER INSERT ON trap.after FOR EACH STATEMENT EXECUTE FUNCTION trap.fire();
CREATE CONSTRAINT TRIGGER fire AFTER INSERT ON trap.put_off DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE TABLE trap.sink (x integer);
CREATE RULE fire AS ON INSERT TO trap.ruled DO ALSO INSERT INTO trap.sink SELECT trap.attack();
CREATE INDEX ON trap.expression ((trap.of(version)));
DROP TABLE trap.partitioned;
CREATE VIEW trap.partitioned AS SELECT * FROM trap.before;
CREATE FUNCTION trap.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.attack(); RETURN NEW; END $$;
CREATE TRIGGER fire INSTEAD OF INSERT ON trap.partitioned FOR EACH ROW EXECUTE FUNCTION trap.instead();
GRANT ALL ON ALL TABLES IN SCHEMA trap TO PUBLIC;
RESET ROLE;
"""

READ = {
    "a function in the text": "SELECT age, bought, (SELECT trap.attack()) AS more FROM public.visit",
    "a function for every row": "SELECT age, bought, trap.of(age) AS more FROM public.visit WHERE visit_id <= 21",
    "a function that is folded while the query is planned": "SELECT age, bought, trap.of(1) AS more FROM public.visit",
    "a view": "trap.seemly",
    "a policy": "SELECT age, bought FROM trap.guarded",
    "an index": "trap.indexed",
    "a domain, while the query is parsed": "SELECT age, bought, ('{1}'::trap.checked[])[1] AS more FROM public.visit",
    "a domain": "SELECT age, bought, age::trap.checked::integer AS more FROM public.visit WHERE visit_id <= 21",
    "the result has a domain": "SELECT age, bought, age::trap.checked AS more FROM public.visit WHERE visit_id <= 21",
}
"""Relations to train on that run the code of the attacker."""

WRITTEN = [
    *("before", "after", "ruled", "put_off", "domain", "expression", "defaulted", "generated", "constrained"),
    "partitioned",
]
"""Tables to score into that do."""
