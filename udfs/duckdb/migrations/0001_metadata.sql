-- The metadata tables: what is known of every model, version, run and deployment. Times are UTC.
CREATE SCHEMA IF NOT EXISTS sqlml;

CREATE TABLE sqlml.migration (
  migration VARCHAR PRIMARY KEY,
  file_hash VARCHAR NOT NULL,
  applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.migration IS 'The migration files that were applied to this database, each once';
COMMENT ON COLUMN sqlml.migration.migration IS 'The file below udfs/duckdb/';
COMMENT ON COLUMN sqlml.migration.file_hash IS 'SHA-256 of the file as it was applied';
COMMENT ON COLUMN sqlml.migration.applied_at IS 'When it was applied';

CREATE TABLE sqlml.routine (
  routine VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  file VARCHAR NOT NULL,
  file_hash VARCHAR NOT NULL,
  definition VARCHAR NOT NULL,
  rights VARCHAR NOT NULL,
  catalog_hash VARCHAR NOT NULL,
  engine_version VARCHAR NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.routine IS 'Every object that sqlml put into this database, from which file, with both hashes; sqlml verify compares';
COMMENT ON COLUMN sqlml.routine.routine IS 'The object, as schema.name';
COMMENT ON COLUMN sqlml.routine.kind IS 'table, view, macro or macro table';
COMMENT ON COLUMN sqlml.routine.file IS 'The file below udfs/, or compiled:<model>@<version> for generated SQL';
COMMENT ON COLUMN sqlml.routine.file_hash IS 'SHA-256 of the file, or of the generated SQL, from which it was created';
COMMENT ON COLUMN sqlml.routine.definition IS 'What the catalog reported right after creation';
COMMENT ON COLUMN sqlml.routine.rights IS 'Owner and grants right after creation; empty in DuckDB, which has none';
COMMENT ON COLUMN sqlml.routine.catalog_hash IS 'SHA-256 of definition';
COMMENT ON COLUMN sqlml.routine.engine_version IS 'The version of the engine that reported catalog_hash';
COMMENT ON COLUMN sqlml.routine.recorded_at IS 'When it was created or replaced';

CREATE TABLE sqlml.model (
  model VARCHAR PRIMARY KEY,
  task VARCHAR NOT NULL,
  target VARCHAR NOT NULL,
  description VARCHAR,
  owner VARCHAR NOT NULL,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.model IS 'One row per model name';
COMMENT ON COLUMN sqlml.model.model IS 'The name by which the model is addressed';
COMMENT ON COLUMN sqlml.model.task IS 'binary, multiclass or regression';
COMMENT ON COLUMN sqlml.model.target IS 'The column that the model predicts';
COMMENT ON COLUMN sqlml.model.description IS 'What it is for, in the words of its owner';
COMMENT ON COLUMN sqlml.model.owner IS 'Who trained its first version';
COMMENT ON COLUMN sqlml.model.created_at IS 'When its first version was trained';

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
COMMENT ON COLUMN sqlml.model_version.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.model_version.version IS 'Counts from 1 for each model';
COMMENT ON COLUMN sqlml.model_version.run_id IS 'The run that trained it, in sqlml.run';
COMMENT ON COLUMN sqlml.model_version.status IS 'ready: it can be deployed and scored';
COMMENT ON COLUMN sqlml.model_version.algorithm IS 'As in sqlml.algorithm';
COMMENT ON COLUMN sqlml.model_version.hyperparams IS 'What the algorithm was fitted with, by the names of its library';
COMMENT ON COLUMN sqlml.model_version.preprocess IS 'How each column is imputed, encoded or scaled';
COMMENT ON COLUMN sqlml.model_version.split IS 'How training and test rows were told apart';
COMMENT ON COLUMN sqlml.model_version.roles IS 'The columns that played a part and are no features: target, key, time, weight, group';
COMMENT ON COLUMN sqlml.model_version.signature IS 'The columns that the model reads, with their types';
COMMENT ON COLUMN sqlml.model_version.classes IS 'The class labels in sort order; the second of two is the positive class';
COMMENT ON COLUMN sqlml.model_version.artifact_hash IS 'SHA-256 of artifact';
COMMENT ON COLUMN sqlml.model_version.artifact IS 'The fitted model as canonical JSON';
COMMENT ON COLUMN sqlml.model_version.training_relation IS 'The relation as it was given to training';
COMMENT ON COLUMN sqlml.model_version.training_sql IS 'The SELECT by which training read it';
COMMENT ON COLUMN sqlml.model_version.dataset_digest IS 'SHA-256 over the rows given to training, whatever their order';
COMMENT ON COLUMN sqlml.model_version.rows_trained IS 'Rows that the model was fitted on; the test rows are not among them';
COMMENT ON COLUMN sqlml.model_version.seed IS 'The seed of all that is random in training';
COMMENT ON COLUMN sqlml.model_version.library_versions IS 'The libraries that took part, with their versions';
COMMENT ON COLUMN sqlml.model_version.notes IS 'What training left out or changed, in words';
COMMENT ON COLUMN sqlml.model_version.created_at IS 'When it was written down';
COMMENT ON COLUMN sqlml.model_version.created_by IS 'Who trained it';

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
COMMENT ON TABLE sqlml.run IS 'One row per train, score, deploy, record_truth, check or monitor that was done';
COMMENT ON COLUMN sqlml.run.run_id IS 'The name of the run, by which other tables refer to it';
COMMENT ON COLUMN sqlml.run.kind IS 'train, score, deploy, record_truth, check or monitor';
COMMENT ON COLUMN sqlml.run.model IS 'The name of the model; NULL for a check';
COMMENT ON COLUMN sqlml.run.version IS 'The version that it made or asked; NULL where there is not one';
COMMENT ON COLUMN sqlml.run.status IS 'succeeded';
COMMENT ON COLUMN sqlml.run.started_at IS 'When it began';
COMMENT ON COLUMN sqlml.run.ended_at IS 'When it ended';
COMMENT ON COLUMN sqlml.run.actor IS 'Who called it';
COMMENT ON COLUMN sqlml.run.engine IS 'The engine and its version';
COMMENT ON COLUMN sqlml.run.rows_in IS 'Rows that it read';
COMMENT ON COLUMN sqlml.run.rows_out IS 'Rows that it wrote';
COMMENT ON COLUMN sqlml.run.elapsed_seconds IS 'From its beginning to its end';
COMMENT ON COLUMN sqlml.run.peak_memory_bytes IS 'The most memory that its process had held by then; NULL where the system does not say';
COMMENT ON COLUMN sqlml.run.error IS 'NULL: a run that failed leaves nothing';
COMMENT ON COLUMN sqlml.run.parent_run_id IS 'The run of which it was a part';

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
COMMENT ON COLUMN sqlml.metric.run_id IS 'The run that measured it';
COMMENT ON COLUMN sqlml.metric.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.metric.version IS 'Its version';
COMMENT ON COLUMN sqlml.metric.dataset IS
  'train, test; majority or mean (the baseline on the test rows); champion (the live version on the test rows); gate (candidate against slice_value, positive is better); score';
COMMENT ON COLUMN sqlml.metric.slice_key IS 'By what rows were told apart; NULL for all rows';
COMMENT ON COLUMN sqlml.metric.slice_value IS 'The rows that it is about; of dataset gate what the candidate was held against';
COMMENT ON COLUMN sqlml.metric.metric IS 'The name of the metric';
COMMENT ON COLUMN sqlml.metric.value IS 'The metric; NULL where it is not defined';
COMMENT ON COLUMN sqlml.metric.ci_low IS 'Lower end of the 95 % interval';
COMMENT ON COLUMN sqlml.metric.ci_high IS 'Upper end of the 95 % interval';
COMMENT ON COLUMN sqlml.metric.n IS 'Rows that it was measured on';

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
COMMENT ON COLUMN sqlml.trial.run_id IS 'The run of training that searched';
COMMENT ON COLUMN sqlml.trial.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.trial.version IS 'The version that came of the search';
COMMENT ON COLUMN sqlml.trial.trial IS 'Counts from 1 for each run';
COMMENT ON COLUMN sqlml.trial.hyperparams IS 'The set that was tried';
COMMENT ON COLUMN sqlml.trial.metric IS 'The metric that decides';
COMMENT ON COLUMN sqlml.trial.value IS 'What the set reached';
COMMENT ON COLUMN sqlml.trial.elapsed_seconds IS 'How long the trial took';
COMMENT ON COLUMN sqlml.trial.chosen IS 'Whether the version was trained with this set';

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
COMMENT ON COLUMN sqlml.deployment.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.deployment.alias IS 'The name that live traffic uses; champion is what the bare name of the model means';
COMMENT ON COLUMN sqlml.deployment.version IS 'The version that the alias named';
COMMENT ON COLUMN sqlml.deployment.role IS 'champion, challenger, shadow or canary';
COMMENT ON COLUMN sqlml.deployment.traffic IS 'Share of the traffic, from 0 to 1';
COMMENT ON COLUMN sqlml.deployment.valid_from IS 'When the alias began to name the version';
COMMENT ON COLUMN sqlml.deployment.valid_to IS 'NULL while the row is current';
COMMENT ON COLUMN sqlml.deployment.action IS 'deploy or rollback';
COMMENT ON COLUMN sqlml.deployment.actor IS 'Who put it there';
COMMENT ON COLUMN sqlml.deployment.reason IS 'Why, in words';
COMMENT ON COLUMN sqlml.deployment.approval_id IS 'The approval that it rests on; NULL, as approvals are planned';
COMMENT ON COLUMN sqlml.deployment.run_id IS 'The run that put it there';

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
COMMENT ON COLUMN sqlml.compiled.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.compiled.version IS 'Its version';
COMMENT ON COLUMN sqlml.compiled.dialect IS 'The SQL dialect that it is written in';
COMMENT ON COLUMN sqlml.compiled.layout IS 'expression, or lists: the model lies in sqlml.compiled_trees';
COMMENT ON COLUMN sqlml.compiled.sql IS 'The statements that create its routines';
COMMENT ON COLUMN sqlml.compiled.sql_hash IS 'SHA-256 of sql';
COMMENT ON COLUMN sqlml.compiled.max_abs_diff IS 'Largest difference of the raw score from the kernel on rows_compared real rows';
COMMENT ON COLUMN sqlml.compiled.rows_compared IS 'Held-out rows on which both were computed';
COMMENT ON COLUMN sqlml.compiled.created_at IS 'When it was compiled';

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
COMMENT ON COLUMN sqlml.compiled_trees.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.compiled_trees.version IS 'Its version';
COMMENT ON COLUMN sqlml.compiled_trees.walk IS 'By output and tree: the root, then one 0 for each comparison on the longest way to a leaf; positions count from 1';
COMMENT ON COLUMN sqlml.compiled_trees.slot IS 'By node: which entry of the row it compares';
COMMENT ON COLUMN sqlml.compiled_trees.threshold IS 'By node: what it compares with';
COMMENT ON COLUMN sqlml.compiled_trees.leaf IS 'By node: the score of a leaf, 0 for others';
COMMENT ON COLUMN sqlml.compiled_trees.child IS 'By node: where its left child is; then the children of nodes of categories';
COMMENT ON COLUMN sqlml.compiled_trees.branch IS 'By node: where its children begin in child; empty where no node is of categories';
COMMENT ON COLUMN sqlml.compiled_trees.slot_number IS 'By slot: which number of the row it holds; 0 for a category';
COMMENT ON COLUMN sqlml.compiled_trees.slot_missing IS 'By slot: what it holds where the value is missing';

CREATE TABLE sqlml.prediction_table (
  model VARCHAR NOT NULL,
  relation VARCHAR NOT NULL,
  key_column VARCHAR NOT NULL,
  time_column VARCHAR,
  created_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE sqlml.prediction_table IS 'Where the predictions of a model are kept';
COMMENT ON COLUMN sqlml.prediction_table.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.prediction_table.relation IS 'The table, with its catalog and schema';
COMMENT ON COLUMN sqlml.prediction_table.key_column IS 'The column of the relation that was scored by which its rows are known';
COMMENT ON COLUMN sqlml.prediction_table.time_column IS 'The column of that relation that became event_time';
COMMENT ON COLUMN sqlml.prediction_table.created_at IS 'When the model was first scored into it';
