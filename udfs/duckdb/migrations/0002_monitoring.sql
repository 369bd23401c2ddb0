-- What a version was measured on, the truth that is known later, checks, monitoring and alerts. Times are UTC.

CREATE TABLE sqlml.reference_profile (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  column_name VARCHAR NOT NULL,
  column_type VARCHAR NOT NULL,
  bins JSON,
  n BIGINT NOT NULL,
  n_missing BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.reference_profile IS 'The columns of the held-out rows of a version, which later windows are compared with; written once, at training';
COMMENT ON COLUMN sqlml.reference_profile.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_profile.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_profile.column_name IS 'A column that the model reads, or prediction';
COMMENT ON COLUMN sqlml.reference_profile.column_type IS 'boolean, integer, number, text, date, timestamp; prediction for a probability';
COMMENT ON COLUMN sqlml.reference_profile.bins IS 'The bins into which the values of every later window fall; NULL for a date or timestamp';
COMMENT ON COLUMN sqlml.reference_profile.n IS 'Held-out rows';
COMMENT ON COLUMN sqlml.reference_profile.n_missing IS 'Rows in which the column is NULL or NaN, of n';
COMMENT ON COLUMN sqlml.reference_profile.created_at IS 'When it was written down';

CREATE TABLE sqlml.reference_count (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  column_name VARCHAR NOT NULL,
  bin INTEGER NOT NULL,
  bin_label VARCHAR NOT NULL,
  n BIGINT NOT NULL
);
COMMENT ON TABLE sqlml.reference_count IS 'How many held-out rows fall into each bin of sqlml.reference_profile';
COMMENT ON COLUMN sqlml.reference_count.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_count.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_count.column_name IS 'As in sqlml.reference_profile';
COMMENT ON COLUMN sqlml.reference_count.bin IS 'Counts from 0 in each column';
COMMENT ON COLUMN sqlml.reference_count.bin_label IS 'The values that fall there, in words';
COMMENT ON COLUMN sqlml.reference_count.n IS '0 says that rows could have fallen there';

CREATE TABLE sqlml.reference_row (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  prediction DOUBLE,
  label VARCHAR,
  features JSON NOT NULL
);
COMMENT ON TABLE sqlml.reference_row IS 'A seeded sample of at most 2000 held-out rows of a version, in the form of a prediction table';
COMMENT ON COLUMN sqlml.reference_row.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_row.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_row.prediction IS 'What the version answered: a number, or the probability of the positive class, or of the predicted class where there are more than two';
COMMENT ON COLUMN sqlml.reference_row.label IS 'The class that it answered; NULL for a regression';
COMMENT ON COLUMN sqlml.reference_row.features IS 'The values that it read, by column';

CREATE TABLE sqlml.reference_metric (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  metric VARCHAR NOT NULL,
  value DOUBLE NOT NULL,
  standard_error DOUBLE,
  n BIGINT NOT NULL
);
COMMENT ON TABLE sqlml.reference_metric IS 'The primary metric of a version on its held-out rows, each row counted once, against which realised performance is held';
COMMENT ON COLUMN sqlml.reference_metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_metric.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_metric.metric IS 'The primary metric of the task';
COMMENT ON COLUMN sqlml.reference_metric.value IS 'What the version reached';
COMMENT ON COLUMN sqlml.reference_metric.standard_error IS 'Of value; NULL where the rows are too few for one';
COMMENT ON COLUMN sqlml.reference_metric.n IS 'Held-out rows';

CREATE TABLE sqlml.ground_truth (
  model VARCHAR NOT NULL,
  key VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  event_time TIMESTAMP,
  observed_at TIMESTAMP NOT NULL,
  source VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.ground_truth IS 'What really happened, by the key of the prediction; a correction is a new row, and the one observed last counts';
COMMENT ON COLUMN sqlml.ground_truth.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.ground_truth.key IS 'The key of the prediction table, as text';
COMMENT ON COLUMN sqlml.ground_truth.value IS 'The class in the words of the training data, or the number';
COMMENT ON COLUMN sqlml.ground_truth.event_time IS 'The event_time of the prediction that it is about; NULL where the key alone says that';
COMMENT ON COLUMN sqlml.ground_truth.observed_at IS 'When it was known: observed_column of record_truth, else the time of the call';
COMMENT ON COLUMN sqlml.ground_truth.source IS 'The relation that it was read from';
COMMENT ON COLUMN sqlml.ground_truth.run_id IS 'The run that recorded it';
COMMENT ON COLUMN sqlml.ground_truth.recorded_at IS 'When it was recorded';

CREATE TABLE sqlml.check_definition (
  suite VARCHAR NOT NULL,
  revision INTEGER NOT NULL,
  checks JSON NOT NULL,
  created_at TIMESTAMP NOT NULL,
  created_by VARCHAR NOT NULL
);
COMMENT ON TABLE sqlml.check_definition IS 'Suites of checks that were given under a name; the latest revision is the one that the name means';
COMMENT ON COLUMN sqlml.check_definition.suite IS 'The name of the suite';
COMMENT ON COLUMN sqlml.check_definition.revision IS 'Counts from 1; a change of the checks makes a new one';
COMMENT ON COLUMN sqlml.check_definition.checks IS 'The checks, as given';
COMMENT ON COLUMN sqlml.check_definition.created_at IS 'When the revision was first given';
COMMENT ON COLUMN sqlml.check_definition.created_by IS 'Who gave it';

CREATE TABLE sqlml.check_result (
  run_id VARCHAR NOT NULL,
  suite VARCHAR,
  revision INTEGER,
  position INTEGER NOT NULL,
  check_name VARCHAR NOT NULL,
  relation VARCHAR NOT NULL,
  column_name VARCHAR,
  status VARCHAR NOT NULL,
  severity VARCHAR NOT NULL,
  expected VARCHAR NOT NULL,
  actual VARCHAR,
  failing_rows BIGINT,
  sample JSON,
  relation_rows BIGINT NOT NULL,
  checked_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.check_result IS 'One row per check and run of sqlml.check';
COMMENT ON COLUMN sqlml.check_result.run_id IS 'The run of sqlml.check';
COMMENT ON COLUMN sqlml.check_result.suite IS 'The name of the suite; NULL where it had none';
COMMENT ON COLUMN sqlml.check_result.revision IS 'Its revision';
COMMENT ON COLUMN sqlml.check_result.position IS 'Place of the check in its suite, from 1';
COMMENT ON COLUMN sqlml.check_result.check_name IS 'What kind of check it is';
COMMENT ON COLUMN sqlml.check_result.relation IS 'The relation that was checked';
COMMENT ON COLUMN sqlml.check_result.column_name IS 'The column that was checked; NULL where the check is about the relation';
COMMENT ON COLUMN sqlml.check_result.status IS 'pass; skip where there was nothing to look at; else fail or warn, by severity';
COMMENT ON COLUMN sqlml.check_result.severity IS 'error or warn, as the suite says';
COMMENT ON COLUMN sqlml.check_result.expected IS 'What should hold, in words';
COMMENT ON COLUMN sqlml.check_result.actual IS 'What was found, in words';
COMMENT ON COLUMN sqlml.check_result.failing_rows IS 'NULL where a check is not about rows';
COMMENT ON COLUMN sqlml.check_result.sample IS 'At most five failing values or keys, as a JSON array';
COMMENT ON COLUMN sqlml.check_result.relation_rows IS 'Rows of the relation at this run, the history of the check row_count';
COMMENT ON COLUMN sqlml.check_result.checked_at IS 'When it was checked';

CREATE TABLE sqlml.monitored_window (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  window_start TIMESTAMP NOT NULL,
  window_end TIMESTAMP NOT NULL,
  n_predictions BIGINT NOT NULL,
  monitored_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.monitored_window IS 'The window of every run of sqlml.monitor; a window may be monitored again, and its newest run counts';
COMMENT ON COLUMN sqlml.monitored_window.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.monitored_window.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.monitored_window.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.monitored_window.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.monitored_window.n_predictions IS 'Predictions in the window, of all versions';
COMMENT ON COLUMN sqlml.monitored_window.monitored_at IS 'When it was monitored';

CREATE TABLE sqlml.profile_metric (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  window_start TIMESTAMP NOT NULL,
  window_end TIMESTAMP NOT NULL,
  column_name VARCHAR NOT NULL,
  slice_key VARCHAR,
  slice_value VARCHAR,
  metric VARCHAR NOT NULL,
  value DOUBLE
);
COMMENT ON TABLE sqlml.profile_metric IS 'What the columns of the scored rows looked like, in long form; sqlml.latest_profile has the newest run of each window';
COMMENT ON COLUMN sqlml.profile_metric.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.profile_metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.profile_metric.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.profile_metric.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.profile_metric.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.profile_metric.column_name IS 'A column that the model reads, or prediction';
COMMENT ON COLUMN sqlml.profile_metric.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.profile_metric.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.profile_metric.metric IS 'n, n_missing, share_missing, n_distinct, mean, stddev, min, max, p05, p25, p50, p75, p95 and others by type';
COMMENT ON COLUMN sqlml.profile_metric.value IS 'NULL where it is not defined';

CREATE TABLE sqlml.drift_metric (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  window_start TIMESTAMP NOT NULL,
  window_end TIMESTAMP NOT NULL,
  column_name VARCHAR NOT NULL,
  slice_key VARCHAR,
  slice_value VARCHAR,
  metric VARCHAR NOT NULL,
  value DOUBLE,
  threshold DOUBLE,
  p_value DOUBLE,
  p_adjusted DOUBLE,
  n_reference BIGINT,
  n_current BIGINT,
  drifted BOOLEAN
);
COMMENT ON TABLE sqlml.drift_metric IS 'How far the scored rows are from the held-out rows of their version; sqlml.latest_drift has the newest run of each window';
COMMENT ON COLUMN sqlml.drift_metric.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.drift_metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.drift_metric.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.drift_metric.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.drift_metric.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.drift_metric.column_name IS 'A column that the model reads, or prediction';
COMMENT ON COLUMN sqlml.drift_metric.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.drift_metric.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.drift_metric.metric IS
  'psi, jensen_shannon_distance_base2, chi_square; of numbers also ks_statistic, wasserstein_distance, wasserstein_distance_normalised';
COMMENT ON COLUMN sqlml.drift_metric.value IS 'NULL where it is not defined';
COMMENT ON COLUMN sqlml.drift_metric.threshold IS 'What 5 % of windows without drift exceed at these sample sizes; NULL for a distance without a test';
COMMENT ON COLUMN sqlml.drift_metric.p_value IS 'How likely such a value is without drift';
COMMENT ON COLUMN sqlml.drift_metric.p_adjusted IS 'p_value after Benjamini and Hochberg over the columns, or over the columns and slices, of the window';
COMMENT ON COLUMN sqlml.drift_metric.n_reference IS 'Held-out rows or values compared; slices, ks_statistic and the distances read the sample in sqlml.reference_row';
COMMENT ON COLUMN sqlml.drift_metric.n_current IS 'Rows or values of the window compared';
COMMENT ON COLUMN sqlml.drift_metric.drifted IS 'Whether p_adjusted is at most 0.05';

CREATE TABLE sqlml.performance_metric (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  window_start TIMESTAMP NOT NULL,
  window_end TIMESTAMP NOT NULL,
  slice_key VARCHAR,
  slice_value VARCHAR,
  metric VARCHAR NOT NULL,
  value DOUBLE,
  ci_low DOUBLE,
  ci_high DOUBLE,
  n BIGINT NOT NULL,
  label_coverage DOUBLE NOT NULL
);
COMMENT ON TABLE sqlml.performance_metric IS 'How good the predictions turned out to be, by the truth known at the time of the run; sqlml.latest_performance has the newest run of each window';
COMMENT ON COLUMN sqlml.performance_metric.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.performance_metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.performance_metric.version IS 'The version that answered';
COMMENT ON COLUMN sqlml.performance_metric.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.performance_metric.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.performance_metric.slice_key IS 'The column by which rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.performance_metric.slice_value IS 'The value of that column in these rows';
COMMENT ON COLUMN sqlml.performance_metric.metric IS 'A metric of the task, named as in scikit-learn, or label_coverage, which is there without any truth, too';
COMMENT ON COLUMN sqlml.performance_metric.value IS 'NULL where it is not defined';
COMMENT ON COLUMN sqlml.performance_metric.ci_low IS 'Lower end of the 95 % interval; of the primary metric only';
COMMENT ON COLUMN sqlml.performance_metric.ci_high IS 'Upper end of the 95 % interval; of the primary metric only';
COMMENT ON COLUMN sqlml.performance_metric.n IS 'Predictions whose truth is known; of label_coverage all predictions';
COMMENT ON COLUMN sqlml.performance_metric.label_coverage IS 'Share of the predictions whose truth is known';

CREATE TABLE sqlml.alert (
  alert_id VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  severity VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  column_name VARCHAR,
  metric VARCHAR NOT NULL,
  value DOUBLE,
  threshold DOUBLE,
  message VARCHAR NOT NULL,
  window_start TIMESTAMP NOT NULL,
  window_end TIMESTAMP NOT NULL,
  opened_at TIMESTAMP NOT NULL,
  closed_at TIMESTAMP,
  dedup_key VARCHAR NOT NULL,
  runbook VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  closed_run_id VARCHAR
);
COMMENT ON TABLE sqlml.alert IS 'What sqlml.monitor found wrong in the newest window; at most one row of a dedup_key is not closed';
COMMENT ON COLUMN sqlml.alert.alert_id IS 'The name of the alert';
COMMENT ON COLUMN sqlml.alert.source IS 'drift, performance, label_coverage or missing_share';
COMMENT ON COLUMN sqlml.alert.severity IS 'warn or error';
COMMENT ON COLUMN sqlml.alert.state IS 'open or closed';
COMMENT ON COLUMN sqlml.alert.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.alert.version IS 'The version that it is about';
COMMENT ON COLUMN sqlml.alert.column_name IS 'The column that it is about; NULL where it is about the predictions';
COMMENT ON COLUMN sqlml.alert.metric IS 'The metric that raised it';
COMMENT ON COLUMN sqlml.alert.value IS 'Of the metric, when it was opened';
COMMENT ON COLUMN sqlml.alert.threshold IS 'What the value was held against';
COMMENT ON COLUMN sqlml.alert.message IS 'What is wrong, in words';
COMMENT ON COLUMN sqlml.alert.window_start IS 'Part of the window in which it was found';
COMMENT ON COLUMN sqlml.alert.window_end IS 'Not part of that window';
COMMENT ON COLUMN sqlml.alert.opened_at IS 'When it was opened';
COMMENT ON COLUMN sqlml.alert.closed_at IS 'NULL while it holds';
COMMENT ON COLUMN sqlml.alert.dedup_key IS 'What it is about: source, model@version, and the column or metric';
COMMENT ON COLUMN sqlml.alert.runbook IS 'What to do about it';
COMMENT ON COLUMN sqlml.alert.run_id IS 'The run that opened it';
COMMENT ON COLUMN sqlml.alert.closed_run_id IS 'The run that closed it; NULL while it holds';
