{% macro refuse_changed_columns(rows, table) %}
  {% set wanted = {} %}
  {% for column in adapter.get_columns_in_relation(rows) %}{% do wanted.update({column.name: column}) %}{% endfor %}
  {% set changes = [] %}
  {% for column in adapter.get_columns_in_relation(table) %}
    {% set now = wanted.pop(column.name, none) %}
    {% if now is none %}
      {% do changes.append("'" ~ column.name ~ "' is gone") %}
    {% elif now.data_type != column.data_type %}
      {% do changes.append("'" ~ column.name ~ "' was " ~ column.dtype ~ ' and is ' ~ now.dtype) %}
    {% endif %}
  {% endfor %}
  {% for name in wanted %}{% do changes.append("'" ~ name ~ "' is new") %}{% endfor %}
  {% if changes %}
    {% do exceptions.raise_database_error(
      "feature_view '" ~ model.name ~ "' adds to " ~ table ~ " and has other columns now: " ~ changes | join(', ')
      ~ ". Give them a version of their own (feature_version, or a version of dbt), or build the table anew: --full-refresh"
    ) %}
  {% endif %}
{% endmacro %}
