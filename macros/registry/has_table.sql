{% macro has_table(table) %}
  {% set row = sqlml.first_row(
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'sqlml' AND table_name = "
    ~ sqlml.text_literal(table)
  ) %}
  {{ return(row[0] > 0) }}
{% endmacro %}
