{% macro has_new_rows(model_name, relation) %}
  {% set time_column = sqlml.setting('time_column') %}
  {% set newest = 'max(' ~ adapter.quote(time_column) ~ ')' if time_column else 'NULL' %}
  {% set row = sqlml.first_row(
    "SELECT given.n <> trained.rows_in OR COALESCE(given.newest > trained.started_at, FALSE)"
    ~ " FROM (SELECT count(*) AS n, CAST(" ~ newest ~ " AS TIMESTAMP) AS newest FROM (\n" ~ relation ~ "\n) AS r) AS given"
    ~ " CROSS JOIN (SELECT rows_in, started_at FROM sqlml.run WHERE kind = 'train' AND model = "
    ~ sqlml.text_literal(model_name) ~ " ORDER BY version DESC LIMIT 1) AS trained"
  ) %}
  {{ return(row is none or row[0]) }}
{% endmacro %}
