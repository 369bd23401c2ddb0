{% macro open_alerts(model_name) %}
  {#- How many there are; the gravest are named in dbt's output. -#}
  {% set shown = 5 %}
  {% set rows = run_query(
    "SELECT severity, message FROM sqlml.alert WHERE closed_at IS NULL AND model = " ~ sqlml.text_literal(model_name)
    ~ " ORDER BY severity, source DESC, value DESC, column_name"
  ).rows %}
  {% for row in rows %}
    {% if loop.index <= shown %}{% do log('alert (' ~ row[0] ~ '): ' ~ row[1], info=True) %}{% endif %}
  {% endfor %}
  {% if rows | length > shown %}
    {% do log("and " ~ (rows | length - shown) ~ " more alerts of '" ~ model_name ~ "' in sqlml.alert", info=True) %}
  {% endif %}
  {{ return(rows | length) }}
{% endmacro %}
