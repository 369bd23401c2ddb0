-- Whether a row's type has a column of exactly this name, and of a type that is one of these kinds to a model. It is asked as
-- sqlml.typed_layout is: with a NULL of the type, while PostgreSQL plans.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.has_column(no_row anyelement, name text, kinds text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = sqlml.row_table(no_row) AND attname = name AND attnum > 0 AND NOT attisdropped
      AND (sqlml.type_facts(atttypid, atttypmod)).kind = ANY (kinds)
  )
$$;
GRANT EXECUTE ON FUNCTION sqlml.has_column TO sqlml_caller;

RESET ROLE;
RESET search_path;
