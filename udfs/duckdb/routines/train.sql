-- Train a version, measure it against the baselines and the live version, and put it live if it earns that.
CREATE OR REPLACE MACRO sqlml.train(
  model, relation, target,
  task := 'auto', algorithm := 'lightgbm', hyperparams := '{}', preprocess := '{}', features := NULL,
  key_column := NULL, time_column := NULL, weight_column := NULL, group_column := NULL,
  split := 'auto', test_size := 0.25, search := NULL, search_space := '{}', trials := 20,
  seed := 42, deploy := 'gated', runtime := 'auto'
) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('train', to_json({
      'model': model, 'relation': relation, 'target': target, 'task': task, 'algorithm': algorithm,
      'hyperparams': hyperparams, 'preprocess': preprocess, 'features': features, 'key_column': key_column,
      'time_column': time_column, 'weight_column': weight_column, 'group_column': group_column,
      'split': split, 'test_size': test_size, 'search': search, 'search_space': search_space,
      'trials': trials, 'seed': seed, 'deploy': deploy, 'runtime': runtime
    }), current_connection_id(), epoch_us(now())),
    '{"model": "VARCHAR", "version": "INTEGER", "task": "VARCHAR", "algorithm": "VARCHAR", "metric": "VARCHAR",
      "value": "DOUBLE", "baseline_value": "DOUBLE", "deployed": "BOOLEAN", "run_id": "VARCHAR", "reason": "VARCHAR"}'
  ) AS answer
);
