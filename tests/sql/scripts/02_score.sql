-- Predictions in a table: standard columns, nothing twice, a new version adds its own rows.
CREATE SCHEMA scored;
CREATE TABLE house AS
SELECT i AS house_id, CAST('2024-01-01' AS DATE) + CAST(i % 30 AS INTEGER) AS listed_on, 40 + (i * 31) % 160 AS area,
       CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 17) % 6 END AS rooms, CASE i % 4 WHEN 0 THEN 'north' WHEN 1 THEN 'south' ELSE 'east' END AS part,
       1000.0 * (40 + (i * 31) % 160) + 5000 * ((i * 17) % 6) + (i * 7919) % 1000 AS price
FROM generate_series(CAST(1 AS BIGINT), 500) AS g(i);
CALL sqlml.train(model => 'price', relation => 'house', target => 'price', key_column => 'house_id', time_column => 'listed_on');
CALL sqlml.score('price', 'SELECT * FROM house WHERE house_id <= 100', 'scored.price_prediction', key_column => 'house_id', time_column => 'listed_on');
CALL sqlml.score('price', 'house', 'scored.price_prediction', key_column => 'house_id', time_column => 'listed_on');
CALL sqlml.score('price', 'house', 'scored.price_prediction', key_column => 'house_id', time_column => 'listed_on');
SELECT count(*) AS n, count(DISTINCT house_id) AS houses, count(DISTINCT run_id) AS runs FROM scored.price_prediction;
SELECT house_id, event_time, model, version, alias, role, prediction > 0 AS positive, label, features FROM scored.price_prediction WHERE house_id = 14;
CREATE TABLE new_house AS SELECT house_id, listed_on, area, rooms, CASE WHEN house_id % 2 = 0 THEN 'west' ELSE part END AS part FROM house;
CALL sqlml.score('price@1', 'new_house', 'scored.new_price', key_column => 'house_id');
SELECT alias, role, count(*) AS n FROM scored.new_price GROUP BY alias, role;
SELECT dataset, slice_key, slice_value, metric, value, n FROM sqlml.metric WHERE dataset = 'score';
SELECT model, relation, key_column, time_column FROM sqlml.prediction_table ORDER BY relation;
SELECT kind, model, version, status, rows_in, rows_out FROM sqlml.run ORDER BY started_at, kind;
