-- The profile of every window, as its newest run measured it.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE VIEW sqlml.latest_profile WITH (security_invoker = true) AS
SELECT measured.*
FROM sqlml.profile_metric AS measured
JOIN (
  SELECT run_id, row_number() OVER (PARTITION BY model, window_start, window_end ORDER BY monitored_at DESC, run_id) AS age
  FROM sqlml.monitored_window
) AS runs ON runs.run_id = measured.run_id
WHERE runs.age = 1;
COMMENT ON VIEW sqlml.latest_profile IS 'The profile of every window, as its newest run measured it';
COMMENT ON COLUMN sqlml.latest_profile.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.latest_profile.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.latest_profile.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.latest_profile.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.latest_profile.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.latest_profile.column_name IS 'A column that the model reads, or prediction';
COMMENT ON COLUMN sqlml.latest_profile.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.latest_profile.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.latest_profile.metric IS 'n, n_missing, share_missing, n_distinct, mean, stddev, min, max, p05, p25, p50, p75, p95 and others by type';
COMMENT ON COLUMN sqlml.latest_profile.value IS 'NULL where it is not defined';
GRANT SELECT ON sqlml.latest_profile TO sqlml_reader;

RESET ROLE;
RESET search_path;
