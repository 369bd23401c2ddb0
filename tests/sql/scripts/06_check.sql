-- A check that does not pass is a result; a suite that is not understood is an error.
CREATE TABLE payment AS
SELECT i AS payment_id, CASE WHEN i % 10 = 0 THEN NULL ELSE (i * 17) % 49 - 1 END AS amount,
       CASE i % 4 WHEN 0 THEN 'card' WHEN 1 THEN 'cash' WHEN 2 THEN 'Cash' ELSE 'wire' END AS kind,
       CAST('2024-01-01' AS DATE) + CAST(i % 30 AS INTEGER) AS paid_on
FROM generate_series(CAST(1 AS BIGINT), 100) AS g(i);
CALL sqlml."check"('payment', '[
  {"check": "unique", "columns": ["payment_id"]},
  {"check": "not_null", "column": "amount", "key": "payment_id"},
  {"check": "not_null", "column": "AMOUNT", "max_share": 0.2},
  {"check": "range", "column": "amount", "min": 0, "severity": "warn"},
  {"check": "allowed_values", "column": "kind", "values": ["card", "cash", "wire"]},
  {"check": "type", "column": "paid_on", "type": "date"},
  {"check": "sentinel", "column": "amount", "values": [-1]},
  {"check": "freshness", "column": "paid_on", "max_age": "2 days"},
  {"check": "row_count", "max_z": 3.5, "least_windows": 2}
]');
SELECT position, check_name, column_name, status, severity, expected, failing_rows, sample FROM sqlml.check_result ORDER BY position;
CALL sqlml."check"('payment', '{"name": "whole", "checks": [{"check": "row_count", "max_z": 3.5, "least_windows": 2}]}');
CALL sqlml."check"('payment', 'whole');
INSERT INTO payment SELECT payment_id + 100, amount, kind, paid_on FROM payment;
CALL sqlml."check"('payment', 'whole');
SELECT suite, revision, status, actual, relation_rows FROM sqlml.check_result WHERE suite = 'whole' ORDER BY checked_at;
CALL sqlml."check"('payment', '{"name": "whole", "checks": [{"check": "not_null", "column": "kind"}]}');
CALL sqlml."check"('payment', '{"name": "whole", "checks": [{"column": "kind", "check": "not_null"}]}');
SELECT suite, revision, checks FROM sqlml.check_definition ORDER BY revision;
CALL sqlml."check"('SELECT * FROM payment WHERE payment_id < 0', '[{"check": "not_null", "column": "kind"}, {"check": "type", "column": "kind", "type": "text"}]');
CALL sqlml."check"('payment', '[{"check": "not_null", "column": "ammount"}]');
CALL sqlml."check"('payment', '[{"check": "notnull", "column": "amount"}]');
CALL sqlml."check"('payment', '[{"check": "range", "column": "amount", "low": 1}]');
CALL sqlml."check"('payment', '[{"check": "range"');
CALL sqlml."check"('payment', '{"checks": []}');
CALL sqlml."check"('payment', 'hole');
CALL sqlml."check"('payment', 'Not a suite');
CALL sqlml."check"('payments', 'whole');
SELECT count(*) AS runs FROM sqlml.run WHERE kind = 'check';
