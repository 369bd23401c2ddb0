{% macro live_version(model_name, alias='champion') %}
  {% set row = sqlml.first_row(
    "SELECT version FROM sqlml.deployment WHERE model = " ~ sqlml.text_literal(model_name)
    ~ " AND alias = " ~ sqlml.text_literal(alias) ~ " AND valid_to IS NULL"
  ) %}
  {{ return(none if row is none else row[0] | int) }}
{% endmacro %}
