-- Every statement on the metadata tables, in the subset of SQL that DuckDB and PostgreSQL share.
-- A block begins with "-- name:"; parameters are written $name. Texts are ordered by their bytes, in every locale.

-- name: models
SELECT m.model, m.task, m.target, d.version AS champion, v.algorithm, d.valid_from AS live_since,
       (SELECT max(version) FROM sqlml.model_version AS latest WHERE latest.model = m.model) AS latest_version
FROM sqlml.model AS m
LEFT JOIN sqlml.deployment AS d ON d.model = m.model AND d.alias = 'champion' AND d.valid_to IS NULL
LEFT JOIN sqlml.model_version AS v ON v.model = d.model AND v.version = d.version
ORDER BY m.model COLLATE "C"

-- name: model_names
SELECT model FROM sqlml.model ORDER BY model COLLATE "C"

-- name: model
SELECT model, task, target FROM sqlml.model WHERE model = $model

-- name: insert_model
INSERT INTO sqlml.model (model, task, target, owner, created_at)
VALUES ($model, $task, $target, $owner, $created_at)

-- name: addressed_version
SELECT addressed_model, addressed_version FROM sqlml.address WHERE address = $address

-- name: version_numbers
SELECT version FROM sqlml.model_version WHERE model = $model ORDER BY version

-- name: aliases
SELECT alias FROM sqlml.deployment WHERE model = $model AND valid_to IS NULL GROUP BY alias ORDER BY alias COLLATE "C"

-- name: artifact
SELECT artifact, artifact_hash FROM sqlml.model_version WHERE model = $model AND version = $version

-- name: version_facts
SELECT v.model, v.version, v.run_id, v.algorithm, v.hyperparams, v.preprocess, v.split, v.roles, v.classes,
       v.artifact_hash, v.training_relation, v.dataset_digest, v.rows_trained, v.seed, v.library_versions, v.notes,
       v.created_at, v.created_by, m.task, m.target
FROM sqlml.model_version AS v JOIN sqlml.model AS m ON m.model = v.model
WHERE v.model = $model AND v.version = $version

-- name: version_with_artifact
SELECT min(version) FROM sqlml.model_version WHERE model = $model AND artifact_hash = $artifact_hash
HAVING count(*) > 0

-- name: known_run
SELECT run_id FROM sqlml.run WHERE run_id = $run_id

-- name: insert_version
INSERT INTO sqlml.model_version (
  model, version, run_id, status, algorithm, hyperparams, preprocess, split, roles, signature, classes, artifact_hash,
  artifact, training_relation, training_sql, dataset_digest, rows_trained, seed, library_versions, notes,
  created_at, created_by
) VALUES (
  $model, $version, $run_id, 'ready', $algorithm, $hyperparams, $preprocess, $split, $roles, $signature, $classes,
  $artifact_hash, $artifact, $training_relation, $training_sql, $dataset_digest, $rows_trained, $seed,
  $library_versions, $notes, $created_at, $created_by
)

-- name: insert_run
INSERT INTO sqlml.run (
  run_id, kind, model, version, status, started_at, ended_at, actor, engine, rows_in, rows_out, elapsed_seconds,
  peak_memory_bytes, error, parent_run_id
) VALUES (
  $run_id, $kind, $model, $version, 'succeeded', $started_at, $ended_at, $actor, $engine, $rows_in, $rows_out,
  $elapsed_seconds, $peak_memory_bytes, NULL, $parent_run_id
)

-- name: alias_history
SELECT version, action, valid_from, valid_to FROM sqlml.deployment
WHERE model = $model AND alias = $alias ORDER BY valid_from, valid_to

-- name: close_deployment
UPDATE sqlml.deployment SET valid_to = $valid_to WHERE model = $model AND alias = $alias AND valid_to IS NULL

-- name: insert_deployment
INSERT INTO sqlml.deployment (
  model, alias, version, role, traffic, valid_from, valid_to, action, actor, reason, approval_id, run_id
) VALUES (
  $model, $alias, $version, $role, $traffic, $valid_from, NULL, $action, $actor, $reason, NULL, $run_id
)

-- name: compiled
SELECT sql, layout, max_abs_diff, rows_compared FROM sqlml.compiled
WHERE model = $model AND version = $version AND dialect = $dialect

-- name: insert_compiled
INSERT INTO sqlml.compiled (
  model, version, dialect, layout, sql, sql_hash, max_abs_diff, rows_compared, created_at
) VALUES (
  $model, $version, $dialect, $layout, $sql, $sql_hash, $max_abs_diff, $rows_compared, $created_at
)

-- name: prediction_tables
SELECT relation, key_column, time_column FROM sqlml.prediction_table WHERE model = $model ORDER BY relation COLLATE "C"

-- name: insert_prediction_table
INSERT INTO sqlml.prediction_table (model, relation, key_column, time_column, created_at)
VALUES ($model, $relation, $key_column, $time_column, $created_at)

-- name: delete_prediction_table
DELETE FROM sqlml.prediction_table WHERE model = $model AND relation = $relation

-- name: recorded_migrations
SELECT migration, file_hash FROM sqlml.migration ORDER BY migration COLLATE "C"

-- name: insert_migration
INSERT INTO sqlml.migration (migration, file_hash, applied_at) VALUES ($migration, $file_hash, $applied_at)

-- name: recorded_routines
SELECT routine, kind, file, file_hash, catalog_hash, rights, engine_version FROM sqlml.routine ORDER BY routine COLLATE "C"

-- name: recorded_definition
SELECT definition FROM sqlml.routine WHERE routine = $routine

-- name: file_hashes
SELECT DISTINCT file_hash FROM sqlml.routine WHERE file = $file

-- name: forget_routine
DELETE FROM sqlml.routine WHERE routine = $routine

-- name: insert_routine
INSERT INTO sqlml.routine (
  routine, kind, file, file_hash, definition, rights, catalog_hash, engine_version, recorded_at
) VALUES (
  $routine, $kind, $file, $file_hash, $definition, $rights, $catalog_hash, $engine_version, $recorded_at
)

-- name: insert_reference_profile
INSERT INTO sqlml.reference_profile (
  model, version, column_name, column_type, bins, n, n_missing, created_at
) VALUES (
  $model, $version, $column_name, $column_type, $bins, $n, $n_missing, $created_at
)

-- name: reference_profile
SELECT column_name, column_type, bins, n, n_missing FROM sqlml.reference_profile
WHERE model = $model AND version = $version ORDER BY column_name COLLATE "C"

-- name: insert_reference_metric
INSERT INTO sqlml.reference_metric (model, version, metric, value, standard_error, n)
VALUES ($model, $version, $metric, $value, $standard_error, $n)

-- name: reference_metric
SELECT metric, value, standard_error, n FROM sqlml.reference_metric WHERE model = $model AND version = $version

-- name: class_lists
SELECT classes FROM sqlml.model_version WHERE model = $model ORDER BY version

-- name: latest_truth
SELECT key, event_time, value
FROM (
  SELECT key, event_time, value,
         row_number() OVER (PARTITION BY key, event_time ORDER BY observed_at DESC, recorded_at DESC) AS age
  FROM sqlml.ground_truth WHERE model = $model
) AS known
WHERE age = 1

-- name: has_truth
SELECT EXISTS (SELECT 1 FROM sqlml.ground_truth WHERE model = $model)

-- name: suite_names
SELECT suite FROM sqlml.check_definition GROUP BY suite ORDER BY suite COLLATE "C"

-- name: suite
SELECT revision, checks FROM sqlml.check_definition WHERE suite = $suite ORDER BY revision DESC LIMIT 1

-- name: insert_check_definition
INSERT INTO sqlml.check_definition (suite, revision, checks, created_at, created_by)
VALUES ($suite, $revision, $checks, $created_at, $created_by)

-- name: row_count_history
SELECT relation_rows AS n
FROM (
  SELECT run_id, min(checked_at) AS checked_at, min(relation_rows) AS relation_rows
  FROM sqlml.check_result WHERE relation = $relation GROUP BY run_id
) AS earlier
ORDER BY checked_at DESC LIMIT 30

-- name: last_monitored
SELECT max(window_end) FROM sqlml.monitored_window WHERE model = $model AND n_predictions > 0

-- name: insert_monitored_window
INSERT INTO sqlml.monitored_window (run_id, model, window_start, window_end, n_predictions, monitored_at)
VALUES ($run_id, $model, $window_start, $window_end, $n_predictions, $monitored_at)

-- name: monitored_metrics
SELECT (SELECT count(*) FROM sqlml.profile_metric WHERE run_id = $run_id)
     + (SELECT count(*) FROM sqlml.drift_metric WHERE run_id = $run_id)
     + (SELECT count(*) FROM sqlml.performance_metric WHERE run_id = $run_id)

-- name: missing_rows
SELECT column_name,
       max(CASE WHEN metric = 'n' THEN value END) AS n,
       max(CASE WHEN metric = 'n_missing' THEN value END) AS n_missing
FROM sqlml.profile_metric
WHERE run_id = $run_id AND version = $version AND slice_key IS NULL
GROUP BY column_name ORDER BY column_name COLLATE "C"

-- name: drift_of_run
SELECT column_name, value, threshold, drifted FROM sqlml.drift_metric
WHERE run_id = $run_id AND version = $version AND metric = $metric AND slice_key IS NULL AND n_reference > 0
ORDER BY column_name COLLATE "C"

-- name: open_alerts
SELECT alert_id, dedup_key, version FROM sqlml.alert WHERE model = $model AND closed_at IS NULL ORDER BY dedup_key COLLATE "C"

-- name: insert_alert
INSERT INTO sqlml.alert (
  alert_id, source, severity, state, model, version, column_name, metric, value, threshold, message,
  window_start, window_end, opened_at, closed_at, dedup_key, runbook, run_id, closed_run_id, opened_value, updated_at,
  updated_run_id
) VALUES (
  $alert_id, $source, $severity, 'open', $model, $version, $column_name, $metric, $value, $threshold, $message,
  $window_start, $window_end, $updated_at, NULL, $dedup_key, $runbook, $updated_run_id, NULL, $value, $updated_at,
  $updated_run_id
)

-- name: update_alert
UPDATE sqlml.alert
SET severity = $severity, value = $value, threshold = $threshold, message = $message, window_start = $window_start,
    window_end = $window_end, updated_at = $updated_at, updated_run_id = $updated_run_id
WHERE alert_id = $alert_id

-- name: close_alert
UPDATE sqlml.alert SET state = 'closed', closed_at = $closed_at, closed_run_id = $closed_run_id
WHERE alert_id = $alert_id
