{% macro scored(call) %}
  {#- Scoring commits its own work on a connection of its own, so no transaction may be open here. -#}
  {% call statement('score', fetch_result=True, auto_begin=False) %}{{ call }}{% endcall %}
  {% set row = load_result('score').table.rows[0] %}
  {{ return({'rows': row['rows'] | int, 'version': row['version'] | int}) }}
{% endmacro %}
