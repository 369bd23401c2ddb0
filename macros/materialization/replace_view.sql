{% macro replace_view(relation, query) %}
  {#- As dbt's own view is replaced: made under another name and renamed, so that readers always find one. -#}
  {% set existing = load_cached_relation(relation) %}
  {% set target_relation = relation.incorporate(type='view') %}
  {% set intermediate = make_intermediate_relation(target_relation) %}
  {% set backup = make_backup_relation(target_relation, 'view' if existing is none else existing.type) %}
  {% do drop_relation_if_exists(load_cached_relation(intermediate)) %}
  {% do drop_relation_if_exists(load_cached_relation(backup)) %}
  {% call statement('create_view') %}{{ get_create_view_as_sql(intermediate, query) }}{% endcall %}
  {% if existing is not none %}
    {% do adapter.rename_relation(existing, backup) %}
  {% endif %}
  {% do adapter.rename_relation(intermediate, target_relation) %}
  {{ return(target_relation) }}
{% endmacro %}
