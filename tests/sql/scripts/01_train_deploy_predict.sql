-- A binary model: train, read, deploy, address, roll back.
CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, ((i * 104729) % 1000) / 10.0 AS income,
       CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' ELSE 'phone' END AS channel,
       ((i * 7919) % 97 > 40 AND i % 3 <> 2) OR i % 11 = 0 AS bought
FROM generate_series(CAST(1 AS BIGINT), 600) AS g(i);
CALL sqlml.train(model => 'buyer', relation => 'visit', target => 'bought', key_column => 'visit_id');
SELECT model, task, target FROM sqlml.model;
SELECT model, version, status, algorithm, rows_trained, seed FROM sqlml.model_version;
SELECT dataset, metric, CAST(value AS DECIMAL(9, 6)) AS value, n FROM sqlml.metric
WHERE dataset IN ('train', 'test', 'majority') ORDER BY dataset, metric;
SELECT slice_value, metric, value > 0 AS better, ci_low > 0 AS surely FROM sqlml.metric WHERE dataset = 'gate';
SELECT visit_id, predict('buyer', v) > 0.5 AS likely, predict_label('buyer', v) AS label, bought
FROM visit AS v WHERE visit_id <= 8 ORDER BY visit_id;
SELECT count(*) AS different FROM visit AS v
WHERE predict('buyer', v) <> predict('buyer@1', v) OR predict('buyer', v) <> predict('buyer@champion', v);
SELECT count(*) AS different FROM visit AS v WHERE predict('buyer', v) <> sqlml.predict_buyer(v);
CALL sqlml.train(model => 'buyer', relation => 'visit', target => 'bought', key_column => 'visit_id', algorithm => 'linear');
CALL sqlml.train(model => 'buyer', relation => 'visit', target => 'bought', key_column => 'visit_id', algorithm => 'baseline', deploy => 'never');
CALL sqlml.deploy('buyer', 2, reason => 'a simpler model');
CALL sqlml.deploy(model => 'buyer', version => 3, alias => 'next');
SELECT model, alias, version, role, traffic, action, reason FROM sqlml.deployment ORDER BY valid_from;
SELECT count(DISTINCT predict('buyer@next', v)) AS constants FROM visit AS v;
CALL sqlml.rollback('buyer', reason => 'it was too simple');
CALL sqlml.rollback('buyer');
SELECT alias, version, role FROM sqlml.live_at('buyer', TIMESTAMP '2999-01-01 00:00:00');
SELECT count(*) AS n FROM sqlml.live_at('buyer', TIMESTAMP '2000-01-01 00:00:00');
SELECT count(*) AS different FROM visit AS v WHERE predict('buyer', v) <> sqlml.predict_buyer(v);
-- An optional argument that is NULL has its default.
CALL sqlml.train('buyer', 'visit', 'bought', task => NULL, algorithm => 'baseline', hyperparams => NULL, split => NULL, test_size => NULL, trials => NULL, seed => NULL, deploy => 'never', runtime => NULL);
SELECT version, algorithm, rows_trained, seed FROM sqlml.model_version WHERE version > 3;
CALL sqlml.deploy('buyer', 4, alias => NULL, strategy => NULL, traffic => NULL, reason => NULL);
SELECT alias, version, role, traffic, reason FROM sqlml.deployment WHERE version = 4;
CALL sqlml.rollback('buyer', alias => NULL);
SELECT alias, version FROM sqlml.live_at('buyer', TIMESTAMP '2999-01-01 00:00:00');
CALL sqlml.deploy('buyer', NULL);
