-- Three classes: labels, probabilities, confusion matrix.
CREATE TABLE plant AS
SELECT i AS plant_id, (i * 37) % 50 AS height, (i * 53) % 40 AS width,
       CASE WHEN (i * 37) % 50 < 15 THEN 'moss' WHEN (i * 53) % 40 < 20 THEN 'fern' ELSE 'oak' END AS kind
FROM generate_series(CAST(1 AS BIGINT), 600) AS g(i);
CALL sqlml.train(model => 'kind_of_plant', relation => 'plant', target => 'kind', key_column => 'plant_id', algorithm => 'lightgbm', hyperparams => '{"n_estimators": 20}');
SELECT plant_id, predict_label('kind_of_plant', p) AS label, sqlml.predict_label_kind_of_plant(p) AS compiled, kind FROM plant AS p WHERE plant_id <= 6 ORDER BY plant_id;
SELECT count(*) AS wrong FROM plant AS p WHERE predict_label('kind_of_plant', p) <> sqlml.predict_label_kind_of_plant(p);
SELECT predict('kind_of_plant', p) FROM plant AS p;
SELECT actual, predicted, n FROM sqlml.confusion_matrix('kind_of_plant', 'plant') ORDER BY actual, predicted;
SELECT metric, n FROM sqlml.evaluate('kind_of_plant', 'plant') ORDER BY metric;
SELECT feature, importance > 0 AS used FROM sqlml.feature_importance('kind_of_plant') ORDER BY feature;
SELECT * FROM sqlml.roc_curve('kind_of_plant', 'plant');
