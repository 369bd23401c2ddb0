-- The metadata tables: what is known of every model, version, run and deployment. Times are UTC.
-- All objects belong to sqlml_owner, and nobody else has any right that is not granted by name.
SET search_path = pg_catalog;
CREATE SCHEMA IF NOT EXISTS sqlml AUTHORIZATION sqlml_owner;
SET ROLE sqlml_owner;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
GRANT USAGE ON SCHEMA sqlml TO sqlml_caller;

CREATE TABLE sqlml.migration (
  migration text PRIMARY KEY,
  file_hash text NOT NULL,
  applied_at timestamp NOT NULL
);
COMMENT ON TABLE sqlml.migration IS 'The migration files that were applied to this database, each once';
COMMENT ON COLUMN sqlml.migration.migration IS 'The file below udfs/postgres/';
COMMENT ON COLUMN sqlml.migration.file_hash IS 'SHA-256 of the file as it was applied';
COMMENT ON COLUMN sqlml.migration.applied_at IS 'When it was applied';

CREATE TABLE sqlml.routine (
  routine text NOT NULL,
  kind text NOT NULL,
  file text NOT NULL,
  file_hash text NOT NULL,
  definition text NOT NULL,
  rights text NOT NULL,
  catalog_hash text NOT NULL,
  engine_version text NOT NULL,
  recorded_at timestamp NOT NULL,
  PRIMARY KEY (routine)
);
COMMENT ON TABLE sqlml.routine IS 'Every object that sqlml put into this database, from which file, with both hashes; sqlml verify compares';
COMMENT ON COLUMN sqlml.routine.routine IS 'The object, as schema.name, a routine with the types of its arguments';
COMMENT ON COLUMN sqlml.routine.kind IS 'role, schema, table, view, function or procedure';
COMMENT ON COLUMN sqlml.routine.file IS 'The file below udfs/, or compiled:<model>@<version> for generated SQL';
COMMENT ON COLUMN sqlml.routine.file_hash IS 'SHA-256 of the file, or of the generated SQL, from which it was created';
COMMENT ON COLUMN sqlml.routine.definition IS 'What the catalog reported right after creation';
COMMENT ON COLUMN sqlml.routine.rights IS 'Owner and grants right after creation';
COMMENT ON COLUMN sqlml.routine.catalog_hash IS 'SHA-256 of definition';
COMMENT ON COLUMN sqlml.routine.engine_version IS 'The version of the engine that reported catalog_hash';
COMMENT ON COLUMN sqlml.routine.recorded_at IS 'When it was created or replaced';

CREATE TABLE sqlml.model (
  model text PRIMARY KEY,
  task text NOT NULL,
  target text NOT NULL,
  description text,
  owner text NOT NULL,
  created_at timestamp NOT NULL
);
COMMENT ON TABLE sqlml.model IS 'One row per model name';
COMMENT ON COLUMN sqlml.model.model IS 'The name by which the model is addressed';
COMMENT ON COLUMN sqlml.model.task IS 'binary, multiclass or regression';
COMMENT ON COLUMN sqlml.model.target IS 'The column that the model predicts';
COMMENT ON COLUMN sqlml.model.description IS 'What it is for, in the words of its owner';
COMMENT ON COLUMN sqlml.model.owner IS 'Who trained its first version';
COMMENT ON COLUMN sqlml.model.created_at IS 'When its first version was trained';

-- JSON is kept as it was written, in type json, so that both engines show the same text.
CREATE TABLE sqlml.model_version (
  model text NOT NULL REFERENCES sqlml.model,
  version integer NOT NULL,
  run_id text NOT NULL,
  status text NOT NULL,
  algorithm text NOT NULL,
  hyperparams json NOT NULL,
  preprocess json NOT NULL,
  split json NOT NULL,
  roles json NOT NULL,
  signature json NOT NULL,
  classes json NOT NULL,
  artifact_hash text NOT NULL,
  artifact text NOT NULL,
  training_relation text NOT NULL,
  training_sql text NOT NULL,
  dataset_digest text NOT NULL,
  rows_trained bigint NOT NULL,
  seed bigint NOT NULL,
  library_versions json NOT NULL,
  notes json NOT NULL,
  created_at timestamp NOT NULL,
  created_by text NOT NULL,
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
  run_id text PRIMARY KEY,
  kind text NOT NULL,
  model text,
  version integer,
  status text NOT NULL,
  started_at timestamp NOT NULL,
  ended_at timestamp,
  actor text NOT NULL,
  engine text NOT NULL,
  rows_in bigint,
  rows_out bigint,
  elapsed_seconds double precision,
  peak_memory_bytes bigint,
  error text,
  parent_run_id text
);
CREATE INDEX run_of_model ON sqlml.run (model, started_at);
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
  run_id text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  dataset text NOT NULL,
  slice_key text,
  slice_value text,
  metric text NOT NULL,
  value double precision,
  ci_low double precision,
  ci_high double precision,
  n bigint NOT NULL
);
CREATE INDEX metric_of_run ON sqlml.metric (run_id);
CREATE INDEX metric_of_version ON sqlml.metric (model, version);
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
  run_id text NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  trial integer NOT NULL,
  hyperparams jsonb NOT NULL,
  metric text NOT NULL,
  value double precision,
  elapsed_seconds double precision NOT NULL,
  chosen boolean NOT NULL,
  PRIMARY KEY (run_id, trial)
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
  model text NOT NULL,
  alias text NOT NULL,
  version integer NOT NULL,
  role text NOT NULL,
  traffic double precision NOT NULL,
  valid_from timestamp NOT NULL,
  valid_to timestamp,
  action text NOT NULL,
  actor text NOT NULL,
  reason text,
  approval_id text,
  run_id text NOT NULL,
  PRIMARY KEY (model, alias, valid_from),
  FOREIGN KEY (model, version) REFERENCES sqlml.model_version,
  CHECK (valid_to > valid_from)
);
-- An alias names one version at a time.
CREATE UNIQUE INDEX deployment_current ON sqlml.deployment (model, alias) WHERE valid_to IS NULL;
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
  model text NOT NULL,
  version integer NOT NULL,
  dialect text NOT NULL,
  layout text NOT NULL,
  sql text NOT NULL,
  sql_hash text NOT NULL,
  max_abs_diff double precision NOT NULL,
  rows_compared bigint NOT NULL,
  created_at timestamp NOT NULL,
  PRIMARY KEY (model, version, dialect),
  FOREIGN KEY (model, version) REFERENCES sqlml.model_version
);
COMMENT ON TABLE sqlml.compiled IS 'The plain-SQL form of every version, and the proof that it gives the same raw scores';
COMMENT ON COLUMN sqlml.compiled.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.compiled.version IS 'Its version';
COMMENT ON COLUMN sqlml.compiled.dialect IS 'The SQL dialect that it is written in';
COMMENT ON COLUMN sqlml.compiled.layout IS 'expression';
COMMENT ON COLUMN sqlml.compiled.sql IS 'The statements that create its routines';
COMMENT ON COLUMN sqlml.compiled.sql_hash IS 'SHA-256 of sql';
COMMENT ON COLUMN sqlml.compiled.max_abs_diff IS 'Largest difference of the raw score from the kernel on rows_compared real rows';
COMMENT ON COLUMN sqlml.compiled.rows_compared IS 'Held-out rows on which both were computed';
COMMENT ON COLUMN sqlml.compiled.created_at IS 'When it was compiled';

CREATE TABLE sqlml.prediction_table (
  model text NOT NULL,
  relation text NOT NULL,
  key_column text NOT NULL,
  time_column text,
  created_at timestamp NOT NULL,
  PRIMARY KEY (model, relation)
);
COMMENT ON TABLE sqlml.prediction_table IS 'Where the predictions of a model are kept';
COMMENT ON COLUMN sqlml.prediction_table.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.prediction_table.relation IS 'The table, with its catalog and schema';
COMMENT ON COLUMN sqlml.prediction_table.key_column IS 'The column of the relation that was scored by which its rows are known';
COMMENT ON COLUMN sqlml.prediction_table.time_column IS 'The column of that relation that became event_time';
COMMENT ON COLUMN sqlml.prediction_table.created_at IS 'When the model was first scored into it';

CREATE TABLE sqlml.model_grant (
  model text NOT NULL REFERENCES sqlml.model,
  grantee regrole NOT NULL,
  granted_at timestamp NOT NULL,
  granted_by text NOT NULL,
  PRIMARY KEY (model, grantee)
);
COMMENT ON TABLE sqlml.model_grant IS 'Who may score with a model besides the members of sqlml_scorer; sqlml.grant_model and sqlml.revoke_model write it';
COMMENT ON COLUMN sqlml.model_grant.model IS 'The name of the model; all its versions are meant, those to come included';
COMMENT ON COLUMN sqlml.model_grant.grantee IS 'The role, whatever it is called later; sqlml.granted_model has its name';
COMMENT ON COLUMN sqlml.model_grant.granted_at IS 'When it was granted';
COMMENT ON COLUMN sqlml.model_grant.granted_by IS 'Who granted it';

-- Only the owner can hold these locks; an advisory lock could be held by anybody who may log in.
CREATE TABLE sqlml.lock (
  name text PRIMARY KEY
);
COMMENT ON TABLE sqlml.lock IS 'Locks: a transaction writes the name of what it changes, and others that do wait for its end';
COMMENT ON COLUMN sqlml.lock.name IS 'What is changed; it is taken out again at once, and only its transaction matters';

-- What an address such as model@alias takes to be looked up.
GRANT SELECT (model) ON sqlml.model TO sqlml_caller;
GRANT SELECT (model, version) ON sqlml.model_version TO sqlml_caller;
GRANT SELECT (model, alias, version, valid_to) ON sqlml.deployment TO sqlml_caller;

GRANT SELECT ON
  sqlml.migration, sqlml.routine, sqlml.model, sqlml.model_version, sqlml.run, sqlml.metric, sqlml.trial,
  sqlml.deployment, sqlml.compiled, sqlml.prediction_table, sqlml.model_grant
TO sqlml_reader;
RESET ROLE;
RESET search_path;
