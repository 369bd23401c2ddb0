{% macro scored(call) %}
  {% do sqlml.end_transaction() %}
  {% call statement('score', fetch_result=True, auto_begin=False) %}{{ call }}{% endcall %}
  {% set row = load_result('score').table.rows[0] %}
  {{ return({'rows': row['rows'] | int, 'version': row['version'] | int}) }}
{% endmacro %}
