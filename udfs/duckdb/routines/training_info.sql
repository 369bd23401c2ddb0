-- How a version was trained: data, split, hyperparameters, libraries, notes.
CREATE OR REPLACE MACRO sqlml.training_info(model) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('training_info', to_json({'model': model}), current_connection_id(), epoch_us(now())),
    '[{"property": "VARCHAR", "value": "VARCHAR"}]'
  ),
  recursive := true
);
