{% macro monitored(call) %}
  {% do sqlml.end_transaction() %}
  {% call statement('monitor', fetch_result=True, auto_begin=False) %}{{ call }}{% endcall %}
  {% set row = load_result('monitor').table.rows[0] %}
  {% if row['note'] %}
    {% do log("'" ~ model.name ~ "', window from " ~ row['monitored_from'] ~ ': ' ~ row['note'], info=True) %}
  {% endif %}
{% endmacro %}
