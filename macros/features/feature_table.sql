{% macro feature_table() %}
  {#- The table that the node adds rows to in this run; none where it is built anew, and while dbt only reads the SELECT. -#}
  {% if not execute or not sqlml.setting('incremental', false) or should_full_refresh() %}
    {{ return(none) }}
  {% endif %}
  {% set table = load_cached_relation(sqlml.feature_relations().table) %}
  {{ return(table if table is not none and table.is_table else none) }}
{% endmacro %}
