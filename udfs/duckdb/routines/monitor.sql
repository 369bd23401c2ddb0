-- Profile, drift and realised performance of a model's predictions in a window, and the alerts that follow.
CREATE OR REPLACE MACRO sqlml.monitor(model, window_start := NULL, window_end := NULL, slices := NULL) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('monitor', to_json({
      'model': model, 'window_start': window_start, 'window_end': window_end, 'slices': slices
    }), current_connection_id(), epoch_us(now())),
    '{"run_id": "VARCHAR", "metrics": "BIGINT", "alerts": "BIGINT", "predictions": "BIGINT",
      "monitored_from": "TIMESTAMP", "monitored_to": "TIMESTAMP", "note": "VARCHAR"}'
  ) AS answer
);
