-- One SELECT that scores the rows of a relation named features, in any dialect that sqlglot writes.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.to_sql(model text, dialect text DEFAULT 'postgres') RETURNS TABLE (
  sql text
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT given.* FROM pg_catalog.jsonb_to_recordset(
    sqlml.read_verb('to_sql', pg_catalog.jsonb_build_object('model', to_sql.model, 'dialect', to_sql.dialect))
  ) AS given(
    sql text
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.to_sql TO sqlml_reader;

RESET ROLE;
RESET search_path;
