{% macro has_drifted(model_name) %}
  {#- Alerts about a version that no longer answers are no reason to train again. Nor is one that the newest version was
      trained in answer to: it counts again when a window has been monitored since. -#}
  {% set name = sqlml.text_literal(model_name) %}
  {% set row = sqlml.first_row(
    "SELECT count(*) FROM sqlml.alert WHERE closed_at IS NULL AND source IN ('drift', 'performance') AND model = " ~ name
    ~ " AND version = " ~ (sqlml.live_version(model_name) or sqlml.latest_version(model_name))
    ~ " AND (SELECT MAX(monitored_at) FROM sqlml.monitored_window WHERE model = " ~ name ~ ")"
    ~ " > (SELECT MAX(created_at) FROM sqlml.model_version WHERE model = " ~ name ~ ")"
  ) %}
  {{ return(row[0] > 0) }}
{% endmacro %}
