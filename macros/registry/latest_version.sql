{% macro latest_version(model_name) %}
  {% set row = sqlml.first_row(
    "SELECT max(version) FROM sqlml.model_version WHERE model = " ~ sqlml.text_literal(model_name)
  ) %}
  {{ return(none if row is none or row[0] is none else row[0] | int) }}
{% endmacro %}
