-- Let an alias name a version from now on.
CREATE OR REPLACE MACRO sqlml.deploy(
  model, version, alias := 'champion', strategy := 'immediate', traffic := 1.0, reason := NULL
) AS TABLE
SELECT answer.* FROM (
  SELECT from_json(
    sqlml_connect_required_call('deploy', to_json({
      'model': model, 'version': version, 'alias': alias, 'strategy': strategy, 'traffic': traffic, 'reason': reason
    }), current_connection_id(), epoch_us(now())),
    '{"model": "VARCHAR", "version": "INTEGER", "alias": "VARCHAR", "previous_version": "INTEGER", "valid_from": "TIMESTAMP"}'
  ) AS answer
);
