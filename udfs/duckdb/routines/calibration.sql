-- Mean score and actual rate in ten bins of the score.
CREATE OR REPLACE MACRO sqlml.calibration(model, relation) AS TABLE
SELECT unnest(
  from_json(
    sqlml_connect_required_call('calibration', to_json({'model': model, 'relation': relation}), current_connection_id(), epoch_us(now())),
    '[{"bin": "INTEGER", "score_low": "DOUBLE", "score_high": "DOUBLE", "n": "BIGINT", "mean_score": "DOUBLE", "rate": "DOUBLE"}]'
  ),
  recursive := true
);
