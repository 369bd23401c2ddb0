-- The metrics of a model on the rows of a relation that has the target.
CREATE OR REPLACE MACRO sqlml.evaluate(model, relation) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('evaluate', to_json({'model': model, 'relation': relation}), current_connection_id(), epoch_us(now())),
    '[{"metric": "VARCHAR", "value": "DOUBLE", "n": "BIGINT", "slice_key": "VARCHAR", "slice_value": "VARCHAR"}]'
  ),
  recursive := true
);
