-- The share of each column in what the model learned; the shares add up to 1.
CREATE OR REPLACE MACRO sqlml.feature_importance(model) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('feature_importance', to_json({'model': model}), current_connection_id(), epoch_us(now())),
    '[{"feature": "VARCHAR", "importance": "DOUBLE"}]'
  ),
  recursive := true
);
