{% macro trained(call) %}
  {% do sqlml.end_transaction() %}
  {% call statement('train', fetch_result=True, auto_begin=False) %}{{ call }}{% endcall %}
  {% set row = load_result('train').table.rows[0] %}
  {% set measured = row['metric'] ~ ' ' ~ '%.4f' | format(row['value'] | float) %}
  {% set place = 'deployed' if row['deployed'] else 'not deployed' %}
  {% do log(
    "model '" ~ row['model'] ~ "': version " ~ row['version'] ~ ', ' ~ measured ~ ', ' ~ place ~ ': ' ~ row['reason'],
    info=True
  ) %}
  {{ return({
    'version': row['version'] | int,
    'deployed': row['deployed'],
    'reason': row['reason'],
    'message': 'version ' ~ row['version'] ~ ', ' ~ measured ~ ', ' ~ place
  }) }}
{% endmacro %}
