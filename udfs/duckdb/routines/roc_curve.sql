-- The ROC curve of a binary model, one row per distinct score.
CREATE OR REPLACE MACRO sqlml.roc_curve(model, relation) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('roc_curve', to_json({'model': model, 'relation': relation}), current_connection_id(), epoch_us(now())),
    '[{"threshold": "DOUBLE", "false_positive_rate": "DOUBLE", "true_positive_rate": "DOUBLE"}]'
  ),
  recursive := true
);
