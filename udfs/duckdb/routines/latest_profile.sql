-- The profile of every window, as its newest run measured it.
CREATE OR REPLACE VIEW sqlml.latest_profile AS
SELECT measured.*
FROM sqlml.profile_metric AS measured
JOIN (
  SELECT run_id, row_number() OVER (PARTITION BY model, window_start, window_end ORDER BY monitored_at DESC, run_id) AS age
  FROM sqlml.monitored_window
) AS runs ON runs.run_id = measured.run_id
WHERE runs.age = 1;
COMMENT ON VIEW sqlml.latest_profile IS 'The profile of every window, as its newest run measured it';
