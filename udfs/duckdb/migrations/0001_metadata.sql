-- The metadata tables: what is known of every model, version, run and deployment. Times are UTC.
CREATE SCHEMA IF NOT EXISTS sqlml;

CREATE TABLE sqlml.migration (
  migration VARCHAR PRIMARY KEY,
  file_hash VARCHAR NOT NULL,
  applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.migration IS 'The migration files that were applied to this database, each once';

CREATE TABLE sqlml.routine (
  routine VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  file VARCHAR NOT NULL,
  file_hash VARCHAR NOT NULL,
  catalog_hash VARCHAR NOT NULL,
  engine_version VARCHAR NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.routine IS 'Every object that sqlml put into this database, from which file, with both hashes; sqlml verify compares';
COMMENT ON COLUMN sqlml.routine.file IS 'The file below udfs/, or compiled:<model>@<version> for generated SQL';
COMMENT ON COLUMN sqlml.routine.catalog_hash IS 'Hash of what the catalog reported right after creation';

CREATE TABLE sqlml.model (
  model VARCHAR PRIMARY KEY,
  task VARCHAR NOT NULL,
  target VARCHAR NOT NULL,
  description VARCHAR,
  owner VARCHAR NOT NULL,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.model IS 'One row per model name';
COMMENT ON COLUMN sqlml.model.task IS 'binary, multiclass or regression';
COMMENT ON COLUMN sqlml.model.target IS 'The column that the model predicts';

CREATE TABLE sqlml.model_version (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  run_id VARCHAR NOT NULL,
  status VARCHAR NOT NULL,
  algorithm VARCHAR NOT NULL,
  hyperparams JSON NOT NULL,
  preprocess JSON NOT NULL,
  split JSON NOT NULL,
  roles JSON NOT NULL,
  signature JSON NOT NULL,
  classes JSON NOT NULL,
  artifact_hash VARCHAR NOT NULL,
  artifact VARCHAR NOT NULL,
  training_relation VARCHAR NOT NULL,
  training_sql VARCHAR NOT NULL,
  dataset_digest VARCHAR NOT NULL,
  rows_trained BIGINT NOT NULL,
  seed BIGINT NOT NULL,
  library_versions JSON NOT NULL,
  notes JSON NOT NULL,
  created_at TIMESTAMP NOT NULL,
  created_by VARCHAR NOT NULL,
  PRIMARY KEY (model, version)
);
COMMENT ON TABLE sqlml.model_version IS 'Every version ever trained, with all that is needed to score and to repeat it; rows are never changed';
COMMENT ON COLUMN sqlml.model_version.signature IS 'The columns that the model reads, with their types';
COMMENT ON COLUMN sqlml.model_version.classes IS 'The class labels in sort order; the second of two is the positive class';
COMMENT ON COLUMN sqlml.model_version.artifact IS 'The fitted model as canonical JSON';
COMMENT ON COLUMN sqlml.model_version.artifact_hash IS 'SHA-256 of artifact';
COMMENT ON COLUMN sqlml.model_version.dataset_digest IS 'SHA-256 over the rows given to training, whatever their order';

CREATE TABLE sqlml.run (
  run_id VARCHAR PRIMARY KEY,
  kind VARCHAR NOT NULL,
  model VARCHAR,
  version INTEGER,
  status VARCHAR NOT NULL,
  started_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  actor VARCHAR NOT NULL,
  engine VARCHAR NOT NULL,
  rows_in BIGINT,
  rows_out BIGINT,
  elapsed_seconds DOUBLE,
  peak_memory_bytes BIGINT,
  error VARCHAR,
  parent_run_id VARCHAR
);
COMMENT ON TABLE sqlml.run IS 'One row per train, score or deploy that was done';

CREATE TABLE sqlml.metric (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  dataset VARCHAR NOT NULL,
  slice_key VARCHAR,
  slice_value VARCHAR,
  metric VARCHAR NOT NULL,
  value DOUBLE,
  ci_low DOUBLE,
  ci_high DOUBLE,
  n BIGINT NOT NULL
);
COMMENT ON TABLE sqlml.metric IS 'Metrics of a run in long form; metric names are those of scikit-learn';
COMMENT ON COLUMN sqlml.metric.dataset IS
  'train, test; majority or mean (the baseline on the test rows); champion (the live version on the test rows); gate (candidate against slice_value, positive is better); score';

CREATE TABLE sqlml.trial (
  run_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  hyperparams JSON NOT NULL,
  metric VARCHAR NOT NULL,
  value DOUBLE,
  elapsed_seconds DOUBLE NOT NULL,
  chosen BOOLEAN NOT NULL
);
COMMENT ON TABLE sqlml.trial IS 'Every set of hyperparameters that a search tried, measured on rows held out of the training rows';

CREATE TABLE sqlml.deployment (
  model VARCHAR NOT NULL,
  alias VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  role VARCHAR NOT NULL,
  traffic DOUBLE NOT NULL,
  valid_from TIMESTAMP NOT NULL,
  valid_to TIMESTAMP,
  action VARCHAR NOT NULL,
  actor VARCHAR NOT NULL,
  reason VARCHAR,
  approval_id VARCHAR,
  run_id VARCHAR NOT NULL
);
COMMENT ON TABLE sqlml.deployment IS 'The history of every alias: which version it named, from when to when, who put it there and why';
COMMENT ON COLUMN sqlml.deployment.valid_to IS 'NULL while the row is current';
COMMENT ON COLUMN sqlml.deployment.action IS 'deploy or rollback';

CREATE TABLE sqlml.compiled (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  dialect VARCHAR NOT NULL,
  layout VARCHAR NOT NULL,
  sql VARCHAR NOT NULL,
  sql_hash VARCHAR NOT NULL,
  max_abs_diff DOUBLE NOT NULL,
  rows_compared BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.compiled IS 'The plain-SQL form of every version, and the proof that it gives the same raw scores';
COMMENT ON COLUMN sqlml.compiled.max_abs_diff IS 'Largest difference of the raw score from the kernel on rows_compared real rows';

CREATE TABLE sqlml.compiled_trees (
  model VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  walk BIGINT[][][] NOT NULL,
  slot BIGINT[] NOT NULL,
  threshold DOUBLE[] NOT NULL,
  leaf DOUBLE[] NOT NULL,
  child INTEGER[] NOT NULL,
  branch BIGINT[] NOT NULL,
  slot_number BIGINT[] NOT NULL,
  slot_missing DOUBLE[] NOT NULL
);
COMMENT ON TABLE sqlml.compiled_trees IS 'The trees of every version as lists, which the compiled macros walk';

CREATE TABLE sqlml.prediction_table (
  model VARCHAR NOT NULL,
  relation VARCHAR NOT NULL,
  key_column VARCHAR NOT NULL,
  time_column VARCHAR,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.prediction_table IS 'Where the predictions of a model are kept';
