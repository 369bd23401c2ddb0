-- What a version was measured on, the truth that is known later, checks, monitoring and alerts. Times are UTC.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE TABLE sqlml.reference_profile (
  model text NOT NULL,
  version integer NOT NULL,
  column_name text NOT NULL,
  column_type text NOT NULL,
  bins jsonb,
  n bigint NOT NULL,
  n_missing bigint NOT NULL,
  created_at timestamp NOT NULL,
  PRIMARY KEY (model, version, column_name)
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
  model text NOT NULL,
  version integer NOT NULL,
  column_name text NOT NULL,
  bin integer NOT NULL,
  bin_label text NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (model, version, column_name, bin)
);
COMMENT ON TABLE sqlml.reference_count IS 'How many held-out rows fall into each bin of sqlml.reference_profile';
COMMENT ON COLUMN sqlml.reference_count.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_count.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_count.column_name IS 'As in sqlml.reference_profile';
COMMENT ON COLUMN sqlml.reference_count.bin IS 'Counts from 0 in each column';
COMMENT ON COLUMN sqlml.reference_count.bin_label IS 'The values that fall there, in words';
COMMENT ON COLUMN sqlml.reference_count.n IS '0 says that rows could have fallen there';

CREATE TABLE sqlml.reference_row (
  model text NOT NULL,
  version integer NOT NULL,
  prediction double precision,
  label text,
  features jsonb NOT NULL
);
CREATE INDEX reference_row_of_version ON sqlml.reference_row (model, version);
COMMENT ON TABLE sqlml.reference_row IS 'A seeded sample of at most 2000 held-out rows of a version, in the form of a prediction table';
COMMENT ON COLUMN sqlml.reference_row.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_row.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_row.prediction IS 'What the version answered: a number, or the probability of the positive class, or of the predicted class where there are more than two';
COMMENT ON COLUMN sqlml.reference_row.label IS 'The class that it answered; NULL for a regression';
COMMENT ON COLUMN sqlml.reference_row.features IS 'The values that it read, by column';

CREATE TABLE sqlml.reference_metric (
  model text NOT NULL,
  version integer NOT NULL,
  metric text NOT NULL,
  value double precision NOT NULL,
  standard_error double precision,
  n bigint NOT NULL,
  PRIMARY KEY (model, version, metric)
);
COMMENT ON TABLE sqlml.reference_metric IS 'The primary metric of a version on its held-out rows, each row counted once, against which realised performance is held';
COMMENT ON COLUMN sqlml.reference_metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.reference_metric.version IS 'Its version';
COMMENT ON COLUMN sqlml.reference_metric.metric IS 'The primary metric of the task';
COMMENT ON COLUMN sqlml.reference_metric.value IS 'What the version reached';
COMMENT ON COLUMN sqlml.reference_metric.standard_error IS 'Of value; NULL where the rows are too few for one';
COMMENT ON COLUMN sqlml.reference_metric.n IS 'Held-out rows';

-- Keys are compared by their bytes, as those of predictions are: by another collation the index would not serve.
CREATE TABLE sqlml.ground_truth (
  model text NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text NOT NULL,
  event_time timestamp,
  observed_at timestamp NOT NULL,
  source text NOT NULL,
  run_id text NOT NULL,
  recorded_at timestamp NOT NULL
);
CREATE INDEX ground_truth_of_key ON sqlml.ground_truth (model, key, event_time);
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
  suite text NOT NULL,
  revision integer NOT NULL,
  checks jsonb NOT NULL,
  created_at timestamp NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (suite, revision)
);
COMMENT ON TABLE sqlml.check_definition IS 'Suites of checks that were given under a name; the latest revision is the one that the name means';
COMMENT ON COLUMN sqlml.check_definition.suite IS 'The name of the suite';
COMMENT ON COLUMN sqlml.check_definition.revision IS 'Counts from 1; a change of the checks makes a new one';
COMMENT ON COLUMN sqlml.check_definition.checks IS 'The checks, as given';
COMMENT ON COLUMN sqlml.check_definition.created_at IS 'When the revision was first given';
COMMENT ON COLUMN sqlml.check_definition.created_by IS 'Who gave it';

CREATE TABLE sqlml.check_result (
  run_id text NOT NULL,
  suite text,
  revision integer,
  position integer NOT NULL,
  check_name text NOT NULL,
  relation text NOT NULL,
  column_name text,
  status text NOT NULL,
  severity text NOT NULL,
  expected text NOT NULL,
  actual text,
  failing_rows bigint,
  sample jsonb,
  relation_rows bigint NOT NULL,
  checked_at timestamp NOT NULL,
  PRIMARY KEY (run_id, position)
);
CREATE INDEX check_result_of_relation ON sqlml.check_result (relation, checked_at);
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
  run_id text NOT NULL,
  model text NOT NULL,
  window_start timestamp NOT NULL,
  window_end timestamp NOT NULL,
  n_predictions bigint NOT NULL,
  monitored_at timestamp NOT NULL,
  PRIMARY KEY (run_id)
);
CREATE INDEX monitored_window_of_model ON sqlml.monitored_window (model, window_start, window_end);
COMMENT ON TABLE sqlml.monitored_window IS 'The window of every run of sqlml.monitor; a window may be monitored again, and its newest run counts';
COMMENT ON COLUMN sqlml.monitored_window.run_id IS 'The run of sqlml.monitor';
COMMENT ON COLUMN sqlml.monitored_window.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.monitored_window.window_start IS 'Part of the window';
COMMENT ON COLUMN sqlml.monitored_window.window_end IS 'Not part of the window';
COMMENT ON COLUMN sqlml.monitored_window.n_predictions IS 'Predictions in the window, of all versions';
COMMENT ON COLUMN sqlml.monitored_window.monitored_at IS 'When it was monitored';

CREATE TABLE sqlml.profile_metric (
  run_id text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  window_start timestamp NOT NULL,
  window_end timestamp NOT NULL,
  column_name text NOT NULL,
  slice_key text,
  slice_value text,
  metric text NOT NULL,
  value double precision
);
CREATE INDEX profile_metric_of_run ON sqlml.profile_metric (run_id);
CREATE INDEX profile_metric_of_version ON sqlml.profile_metric (model, version, window_start);
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
  run_id text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  window_start timestamp NOT NULL,
  window_end timestamp NOT NULL,
  column_name text NOT NULL,
  slice_key text,
  slice_value text,
  metric text NOT NULL,
  value double precision,
  threshold double precision,
  p_value double precision,
  p_adjusted double precision,
  n_reference bigint,
  n_current bigint,
  drifted boolean
);
CREATE INDEX drift_metric_of_run ON sqlml.drift_metric (run_id);
CREATE INDEX drift_metric_of_version ON sqlml.drift_metric (model, version, window_start);
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
  run_id text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  window_start timestamp NOT NULL,
  window_end timestamp NOT NULL,
  slice_key text,
  slice_value text,
  metric text NOT NULL,
  value double precision,
  ci_low double precision,
  ci_high double precision,
  n bigint NOT NULL,
  label_coverage double precision NOT NULL
);
CREATE INDEX performance_metric_of_run ON sqlml.performance_metric (run_id);
CREATE INDEX performance_metric_of_version ON sqlml.performance_metric (model, version, window_start);
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
  alert_id text NOT NULL,
  source text NOT NULL,
  severity text NOT NULL,
  state text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  column_name text,
  metric text NOT NULL,
  value double precision,
  threshold double precision,
  message text NOT NULL,
  window_start timestamp NOT NULL,
  window_end timestamp NOT NULL,
  opened_at timestamp NOT NULL,
  closed_at timestamp,
  dedup_key text NOT NULL,
  runbook text NOT NULL,
  run_id text NOT NULL,
  closed_run_id text,
  PRIMARY KEY (alert_id)
);
-- What is wrong is said once, until it is closed.
CREATE UNIQUE INDEX alert_open ON sqlml.alert (dedup_key) WHERE closed_at IS NULL;
CREATE INDEX alert_of_model ON sqlml.alert (model, opened_at);
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

GRANT SELECT ON
  sqlml.reference_profile, sqlml.reference_count, sqlml.reference_metric, sqlml.check_definition, sqlml.check_result,
  sqlml.monitored_window, sqlml.profile_metric, sqlml.drift_metric, sqlml.performance_metric, sqlml.alert
TO sqlml_reader;
-- Rows of relations that not every reader may read.
GRANT SELECT ON sqlml.ground_truth TO sqlml_scorer;
GRANT SELECT ON sqlml.reference_row TO sqlml_trainer;
RESET ROLE;
RESET search_path;
