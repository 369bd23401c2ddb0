-- Prediction tables are recorded as schema.table: a bare name means another table on another search path.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;
COMMENT ON COLUMN sqlml.prediction_table.relation IS 'The table, as schema.table';

-- A bare name means the only table of predictions of that name, or that in public; else it is left as it is.
DO $$
DECLARE
  known sqlml.prediction_table;
  part text[];
  place text;
BEGIN
  FOR known IN SELECT * FROM sqlml.prediction_table ORDER BY created_at LOOP
    part := string_to_array(known.relation, '.');
    CONTINUE WHEN known.relation ~ '^("([^"]|"")+"|[^".]+)[.]"([^"]|"")+"$';
    IF cardinality(part) > 1 THEN
      place := quote_ident(part[cardinality(part) - 1]) || '.' || quote_ident(part[cardinality(part)]);
    ELSE
      SELECT quote_ident(CASE WHEN count(*) = 1 THEN min(nspname) ELSE min(nspname) FILTER (WHERE nspname = 'public') END)
             || '.' || quote_ident(known.relation) INTO place
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relname = known.relation AND relkind IN ('r', 'p') AND relpersistence <> 't'
        AND (SELECT count(*) FROM pg_attribute WHERE attrelid = pg_class.oid AND attname IN ('model', 'predicted_at', 'run_id')) = 3;
    END IF;
    CONTINUE WHEN place IS NULL OR place = known.relation;
    IF EXISTS (SELECT FROM sqlml.prediction_table AS one WHERE one.model = known.model AND one.relation = place) THEN
      DELETE FROM sqlml.prediction_table AS one WHERE one.model = known.model AND one.relation = known.relation;
    ELSE
      UPDATE sqlml.prediction_table AS one SET relation = place
      WHERE one.model = known.model AND one.relation = known.relation;
    END IF;
  END LOOP;
END
$$;

RESET ROLE;
RESET search_path;
