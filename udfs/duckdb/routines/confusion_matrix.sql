-- How often each class was predicted for each actual class.
CREATE OR REPLACE MACRO sqlml.confusion_matrix(model, relation) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('confusion_matrix', to_json({'model': model, 'relation': relation}), current_connection_id(), epoch_us(now())),
    '[{"actual": "VARCHAR", "predicted": "VARCHAR", "n": "BIGINT"}]'
  ),
  recursive := true
);
