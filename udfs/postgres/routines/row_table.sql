-- The table, view or composite type whose rows have this type; 0 where there is none.
-- It is asked with a NULL of the type, and called immutable, so that its answer is a constant of the plan. PostgreSQL drops
-- a plan with the number of a table in it when that table is altered: what else the plan knows of its rows is asked anew.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.row_table(no_row anyelement) RETURNS oid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT typrelid FROM pg_type WHERE oid = (sqlml.type_facts(pg_typeof(no_row)::oid, -1)).base), 0)
$$;
GRANT EXECUTE ON FUNCTION sqlml.row_table TO sqlml_caller;

RESET ROLE;
RESET search_path;
