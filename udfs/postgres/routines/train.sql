-- Train a version, measure it against the baselines and the live version, and put it live if it earns that.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.train(
  INOUT model text, relation text, target text, INOUT version integer DEFAULT NULL,
  INOUT task text DEFAULT 'auto', INOUT algorithm text DEFAULT 'lightgbm', INOUT metric text DEFAULT NULL,
  INOUT value double precision DEFAULT NULL, INOUT baseline_value double precision DEFAULT NULL,
  INOUT deployed boolean DEFAULT NULL, INOUT run_id text DEFAULT NULL, INOUT reason text DEFAULT NULL,
  hyperparams text DEFAULT '{}', preprocess text DEFAULT '{}', features text DEFAULT NULL,
  key_column text DEFAULT NULL, time_column text DEFAULT NULL, weight_column text DEFAULT NULL,
  group_column text DEFAULT NULL, split text DEFAULT 'auto', test_size double precision DEFAULT 0.25,
  search text DEFAULT NULL, search_space text DEFAULT '{}', trials numeric DEFAULT 20, seed numeric DEFAULT 42,
  deploy text DEFAULT 'gated', runtime text DEFAULT 'auto', wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(version, metric, value, baseline_value, deployed, run_id, reason) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.train gives version, metric, value, baseline_value, deployed, run_id, reason back and does not take them';
  END IF;
  CALL sqlml.run_verb('train', pg_catalog.jsonb_build_object(
    'model', model, 'relation', relation, 'target', target, 'task', task, 'algorithm', algorithm,
    'hyperparams', hyperparams, 'preprocess', preprocess, 'features', features,
    'key_column', key_column, 'time_column', time_column, 'weight_column', weight_column,
    'group_column', group_column, 'split', split, 'test_size', sqlml.double_in_json(test_size), 'search', search,
    'search_space', search_space, 'trials', trials, 'seed', seed, 'deploy', deploy, 'runtime', runtime
  ), runtime, answer, wait);
  SELECT given.* INTO model, version, task, algorithm, metric, value, baseline_value, deployed, run_id, reason
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    model text, version integer, task text, algorithm text, metric text, value double precision,
    baseline_value double precision, deployed boolean, run_id text, reason text
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.train TO sqlml_trainer;

RESET ROLE;
RESET search_path;
