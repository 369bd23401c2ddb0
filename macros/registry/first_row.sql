{% macro first_row(query) %}
  {% set rows = run_query(query).rows %}
  {{ return(rows[0] if rows | length > 0 else none) }}
{% endmacro %}
