-- Let an alias name again the version that it named before the last deploy.
CREATE OR REPLACE MACRO sqlml.rollback(model, alias := 'champion', reason := NULL) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('rollback', to_json({
      'model': model, 'alias': alias, 'reason': reason
    }), current_connection_id(), epoch_us(now())),
    '{"model": "VARCHAR", "alias": "VARCHAR", "version": "INTEGER", "previous_version": "INTEGER", "valid_from": "TIMESTAMP"}'
  ) AS answer
);
