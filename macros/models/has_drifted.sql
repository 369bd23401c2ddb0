{% macro has_drifted(model_name) %}
  {#- Alerts about a version that no longer answers are no reason to train again. -#}
  {% set row = sqlml.first_row(
    "SELECT count(*) FROM sqlml.alert WHERE closed_at IS NULL AND source IN ('drift', 'performance')"
    ~ " AND model = " ~ sqlml.text_literal(model_name) ~ " AND version = " ~ (sqlml.live_version(model_name) or sqlml.latest_version(model_name))
  ) %}
  {{ return(row[0] > 0) }}
{% endmacro %}
