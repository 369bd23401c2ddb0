-- The truth comes late and is corrected; a shift and its damage are found, and alerts close when it is over.
CREATE TABLE visit AS
SELECT i AS visit_id, CAST('2024-01-01' AS DATE) + CAST((i - i % 100) / 100 AS INTEGER) AS seen_on, (i * 7919) % 97 AS age,
       CASE WHEN i % 13 = 0 THEN NULL ELSE (i * 104729) % 1009 END AS spend,
       CASE (i * 31) % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'pro' END AS plan,
       ((i * 7919) % 97 > 50) <> (i % 11 = 0) AS bought
FROM generate_series(CAST(0 AS BIGINT), 5999) AS g(i);
CALL sqlml.train(model => 'buyer', relation => 'SELECT * FROM visit WHERE visit_id < 4000', target => 'bought', key_column => 'visit_id', features => '["age", "spend", "plan"]', algorithm => 'linear');
SELECT column_name, column_type, n, n_missing FROM sqlml.reference_profile ORDER BY column_name;
SELECT bin, bin_label, n FROM sqlml.reference_count WHERE column_name = 'plan' ORDER BY bin;
CALL sqlml.score('buyer', 'SELECT * FROM visit WHERE visit_id >= 4000 AND visit_id < 5000', 'buyer_prediction', key_column => 'visit_id', time_column => 'seen_on');
CALL sqlml.score('buyer', 'SELECT visit_id, seen_on, age % 30 AS age, spend, plan FROM visit WHERE visit_id >= 5000 AND visit_id < 5500', 'buyer_prediction', key_column => 'visit_id', time_column => 'seen_on');
CALL sqlml.score('buyer', 'SELECT * FROM visit WHERE visit_id >= 5500', 'buyer_prediction', key_column => 'visit_id', time_column => 'seen_on');
CALL sqlml.record_truth('buyer', 'SELECT visit_id, CASE WHEN visit_id % 5 > 0 THEN bought END AS bought FROM visit', key_column => 'visit_id', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'SELECT visit_id, NOT bought AS bought FROM visit WHERE visit_id = 4001', key_column => 'visit_id', truth_column => 'bought');
SELECT key, value, event_time, source FROM sqlml.ground_truth WHERE key = '4001' ORDER BY observed_at;
CALL sqlml.monitor('buyer', window_start => DATE '2024-02-10', window_end => DATE '2024-02-20');
SELECT count(*) AS alerts FROM sqlml.alert;
CALL sqlml.monitor('buyer', window_end => DATE '2024-02-25');
SELECT column_name, CAST(value AS DECIMAL(18, 6)) AS psi, CAST(threshold AS DECIMAL(18, 6)) AS threshold, n_reference, n_current, drifted FROM sqlml.latest_drift WHERE metric = 'psi' AND window_start = DATE '2024-02-20' ORDER BY column_name;
SELECT source, severity, state, version, column_name, metric, dedup_key, runbook FROM sqlml.alert ORDER BY dedup_key;
CALL sqlml.monitor('buyer', window_start => DATE '2024-02-20', window_end => DATE '2024-02-25', slices => '["plan"]');
SELECT slice_value, metric, n, label_coverage FROM sqlml.latest_performance WHERE window_start = DATE '2024-02-20' AND metric = 'accuracy' ORDER BY slice_value;
CALL sqlml.monitor('buyer');
SELECT source, state FROM sqlml.alert ORDER BY dedup_key;
CALL sqlml.monitor('buyer');
CALL sqlml.monitor('buyer', window_start => DATE '2025-01-01', window_end => DATE '2025-02-01');
CALL sqlml.monitor('buyer', window_start => DATE '2024-03-01', window_end => DATE '2024-02-01');
CALL sqlml.monitor('buyer', window_start => 'yesterday');
CALL sqlml.monitor('buyer', window_start => DATE '2024-02-20', slices => '["plann"]');
CALL sqlml.monitor('buyer', slices => 'plan');
CALL sqlml.monitor('byer');
CALL sqlml.train(model => 'unscored', relation => 'visit', target => 'bought', features => '["age"]', algorithm => 'baseline', deploy => 'never');
CALL sqlml.monitor('unscored');
CALL sqlml.record_truth('byer', 'visit', key_column => 'visit_id', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'id', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'bougth');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'plan');
CALL sqlml.record_truth('buyer', 'SELECT age, bought FROM visit', key_column => 'age', truth_column => 'bought');
CALL sqlml.record_truth('buyer', 'visit', key_column => 'visit_id', truth_column => 'bought', observed_column => 'age');
CALL sqlml.record_truth('buyer', 'SELECT NULL AS visit_id, true AS bought', key_column => 'visit_id', truth_column => 'bought');
SELECT kind, count(*) AS n FROM sqlml.run WHERE kind IN ('record_truth', 'monitor') GROUP BY kind ORDER BY kind;
