-- Realised performance of every window, as its newest run measured it.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE VIEW sqlml.latest_performance WITH (security_invoker = true) AS
SELECT measured.*
FROM sqlml.performance_metric AS measured
JOIN (
  SELECT run_id, row_number() OVER (PARTITION BY model, window_start, window_end ORDER BY monitored_at DESC, run_id) AS age
  FROM sqlml.monitored_window
) AS runs ON runs.run_id = measured.run_id
WHERE runs.age = 1;
COMMENT ON VIEW sqlml.latest_performance IS 'Realised performance of every window, as its newest run measured it';
COMMENT ON COLUMN sqlml.latest_performance.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.latest_performance.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.latest_performance.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.latest_performance.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.latest_performance.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.latest_performance.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.latest_performance.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.latest_performance.metric IS 'A metric of the task, named as in scikit-learn, or label_coverage, which is there without any truth, too';
COMMENT ON COLUMN sqlml.latest_performance.value IS 'NULL where it is not defined';
COMMENT ON COLUMN sqlml.latest_performance.ci_low IS 'Lower end of the 95 % interval; of the primary metric only';
COMMENT ON COLUMN sqlml.latest_performance.ci_high IS 'Upper end of the 95 % interval; of the primary metric only';
COMMENT ON COLUMN sqlml.latest_performance.n IS 'Predictions whose truth is known; of label_coverage all predictions';
COMMENT ON COLUMN sqlml.latest_performance.label_coverage IS 'Share of the predictions whose truth is known';
GRANT SELECT ON sqlml.latest_performance TO sqlml_reader;

RESET ROLE;
RESET search_path;
