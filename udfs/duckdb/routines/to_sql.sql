-- One SELECT that scores the rows of a relation named features, in any dialect that sqlglot writes.
CREATE OR REPLACE MACRO sqlml.to_sql(model, dialect := 'duckdb') AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('to_sql', to_json({'model': model, 'dialect': dialect}), current_connection_id(), epoch_us(now())),
    '[{"sql": "VARCHAR"}]'
  ),
  recursive := true
);
