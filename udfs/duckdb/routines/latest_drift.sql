-- Drift of every window, as its newest run measured it.
CREATE OR REPLACE VIEW sqlml.latest_drift AS
SELECT measured.*
FROM sqlml.drift_metric AS measured
JOIN (
  SELECT run_id, row_number() OVER (PARTITION BY model, window_start, window_end ORDER BY monitored_at DESC, run_id) AS age
  FROM sqlml.monitored_window
) AS runs ON runs.run_id = measured.run_id
WHERE runs.age = 1;
COMMENT ON VIEW sqlml.latest_drift IS 'Drift of every window, as its newest run measured it';
