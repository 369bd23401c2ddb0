-- What can be read about a model: curves, calibration, how it was trained, its SQL; and every way to ask for a score.
CREATE TABLE visit AS
SELECT i AS visit_id, (i * 37) % 50 AS minutes, CASE WHEN i % 3 = 0 THEN 'mobile' ELSE 'desk' END AS device,
       (i * 37) % 50 + (i * 11) % 20 > 40 AS bought
FROM generate_series(CAST(1 AS BIGINT), 300) AS g(i);
CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', hyperparams => '{"n_estimators": 10}');
CALL sqlml.train('constant', 'visit', 'minutes', key_column => 'visit_id', algorithm => 'baseline', deploy => 'always');
SELECT * FROM sqlml.roc_curve('buyer', 'SELECT * FROM visit WHERE visit_id <= 12');
SELECT * FROM sqlml.calibration('buyer', 'visit');
SELECT property, value FROM sqlml.training_info('buyer@1')
WHERE property IN ('model', 'version', 'algorithm', 'split', 'roles', 'classes', 'rows_trained', 'seed', 'task', 'target')
ORDER BY property;
SELECT sql FROM sqlml.to_sql('constant', 'postgres');
SELECT sql FROM sqlml.to_sql('constant@1', dialect => 'snowflake');
SELECT sql FROM sqlml.to_sql('constant', 'klingon');
SELECT visit_id, predict_proba('buyer', v) AS shares, sqlml.predict_proba_buyer(v) AS compiled FROM visit AS v WHERE visit_id <= 3 ORDER BY visit_id;
SELECT count(*) AS different FROM visit AS v WHERE (raw_score('buyer', v))[1] <> sqlml.raw_score_buyer(v);
SELECT count(*) AS different FROM visit AS v WHERE (raw_score('buyer@1', v))[1] <> (raw_score('buyer', v))[1];
SELECT count(*) AS different FROM visit AS v WHERE predict('buyer', v) <> sqlml.predict_buyer(v);
SELECT count(*) AS different FROM visit AS v WHERE CAST(predict_proba('buyer@1', v) AS text) <> CAST(predict_proba('buyer', v) AS text);
SELECT predict_proba('constant', v) FROM visit AS v;
SELECT raw_score('nobody', v) FROM visit AS v;
