-- Score every row of a relation that has no prediction of this version yet, into a prediction table.
CREATE OR REPLACE MACRO sqlml.score(model, relation, "into", key_column, time_column := NULL) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('score', to_json({
      'model': model, 'relation': relation, 'into': "into", 'key_column': key_column, 'time_column': time_column
    }), current_connection_id(), epoch_us(now())),
    '{"run_id": "VARCHAR", "rows": "BIGINT", "version": "INTEGER"}'
  ) AS answer
);
