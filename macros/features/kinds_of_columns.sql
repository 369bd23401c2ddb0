{% macro kinds_of_columns(relation) %}
  {#- The kind of each column of a relation, or of a SELECT in text, by its name in lower case. -#}
  {% set source = relation if relation is not string else '(\n' ~ relation ~ '\n) AS given' %}
  {% set kinds = {} %}
  {% for column in adapter.get_column_schema_from_query('SELECT * FROM ' ~ source ~ ' LIMIT 0') %}
    {% do kinds.update({column.name | lower: sqlml.kind_of_type(column.data_type)}) %}
  {% endfor %}
  {{ return(kinds) }}
{% endmacro %}
