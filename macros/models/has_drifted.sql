{% macro has_drifted(model_name) %}
  {% if not sqlml.has_table('alert') %}
    {{ return(false) }}
  {% endif %}
  {% set row = sqlml.first_row(
    "SELECT count(*) FROM sqlml.alert WHERE closed_at IS NULL AND model = " ~ sqlml.text_literal(model_name)
  ) %}
  {{ return(row[0] > 0) }}
{% endmacro %}
