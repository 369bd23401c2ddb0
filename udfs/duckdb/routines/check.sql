-- Hold a relation against a suite of checks; a check that does not pass is a result, not an error.
-- CHECK is a reserved word of DuckDB: the call is written CALL sqlml."check"(...), in both engines.
CREATE OR REPLACE MACRO sqlml.check(relation, suite) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('check', to_json({'relation': relation, 'suite': suite}), current_connection_id(), epoch_us(now())),
    '{"run_id": "VARCHAR", "passed": "BIGINT", "warned": "BIGINT", "failed": "BIGINT", "skipped": "BIGINT"}'
  ) AS answer
);
