{% macro replaced_features(rows, table) %}
  {% set count = sqlml.first_row('SELECT count(*) FROM ' ~ rows)[0] %}
  {% set existing = load_cached_relation(table) %}
  {% if existing is not none %}
    {% do adapter.rename_relation(existing, make_backup_relation(table, existing.type)) %}
  {% endif %}
  {% do adapter.rename_relation(rows, table) %}
  {{ return(count ~ ' rows') }}
{% endmacro %}
