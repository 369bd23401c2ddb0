-- Prediction tables are recorded as schema.table: under the name of its file, a file that is copied would lose them.
COMMENT ON COLUMN sqlml.prediction_table.relation IS 'The table, as schema.table';

-- What was recorded is read as DuckDB read it: with the name of a file before it, a schema, both or neither.
UPDATE sqlml.prediction_table SET relation = named.place
FROM (
  WITH parts AS (
    SELECT DISTINCT relation, string_split(relation, '.') AS part FROM sqlml.prediction_table
    WHERE NOT regexp_full_match(relation, '("([^"]|"")+"|[^".]+)[.]"([^"]|"")+"')
  ),
  said AS (
    SELECT relation, part[-1] AS name, CASE WHEN len(part) > 1 AND NOT (len(part) = 2 AND part[1] NOT IN (
      SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database()
    )) THEN part[-2] ELSE 'main' END AS schema
    FROM parts
  ),
  found AS (
    SELECT said.relation, [coalesce(schema_name, schema), coalesce(table_name, name)] AS names, (
      SELECT list(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved'
    ) AS reserved
    FROM said LEFT JOIN duckdb_tables() AS known
      ON known.database_name = current_database() AND lower(known.table_name) = lower(said.name)
      AND lower(known.schema_name) = lower(said.schema)
  )
  SELECT relation, array_to_string(list_transform(names, lambda each: CASE
    WHEN regexp_full_match(each, '[a-z_][a-z0-9_]*') AND NOT list_contains(reserved, each) THEN each
    ELSE '"' || replace(each, '"', '""') || '"'
  END), '.') AS place
  FROM found
) AS named
WHERE prediction_table.relation = named.relation;

-- One table under several names was counted as often.
DELETE FROM sqlml.prediction_table
WHERE rowid NOT IN (SELECT arg_min(rowid, created_at) FROM sqlml.prediction_table GROUP BY model, relation);
