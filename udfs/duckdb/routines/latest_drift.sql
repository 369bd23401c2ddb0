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
COMMENT ON COLUMN sqlml.latest_drift.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.latest_drift.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.latest_drift.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.latest_drift.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.latest_drift.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.latest_drift.column_name IS 'A column that the model reads, or prediction';
COMMENT ON COLUMN sqlml.latest_drift.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.latest_drift.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.latest_drift.metric IS
  'psi, jensen_shannon_distance_base2, chi_square; of numbers also ks_statistic, wasserstein_distance, wasserstein_distance_normalised';
COMMENT ON COLUMN sqlml.latest_drift.value IS 'NULL where it is not defined';
COMMENT ON COLUMN sqlml.latest_drift.threshold IS 'What 5 % of windows without drift exceed at these sample sizes; NULL for a distance without a test';
COMMENT ON COLUMN sqlml.latest_drift.p_value IS 'How likely such a value is without drift';
COMMENT ON COLUMN sqlml.latest_drift.p_adjusted IS 'p_value after Benjamini and Hochberg over the columns, or over the columns and slices, of the window';
COMMENT ON COLUMN sqlml.latest_drift.n_reference IS 'Held-out rows or values compared; slices, ks_statistic and the distances read the sample in sqlml.reference_row';
COMMENT ON COLUMN sqlml.latest_drift.n_current IS 'Rows or values of the window compared';
COMMENT ON COLUMN sqlml.latest_drift.drifted IS 'Whether p_adjusted is at most 0.05';
