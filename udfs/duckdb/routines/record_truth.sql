-- Write down what really happened, by the key of the prediction; what is known already adds nothing.
CREATE OR REPLACE MACRO sqlml.record_truth(
  model, relation, key_column, truth_column, observed_column := NULL, time_column := NULL
) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('record_truth', to_json({
      'model': model, 'relation': relation, 'key_column': key_column, 'truth_column': truth_column,
      'observed_column': observed_column, 'time_column': time_column
    }), current_connection_id(), epoch_us(now())),
    '{"run_id": "VARCHAR", "rows": "BIGINT"}'
  ) AS answer
);
