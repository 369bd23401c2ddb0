{% macro analyze(relation) %}
  {#- PostgreSQL plans by statistics, which a new table has only after a minute or so: too late for the node that reads it
      next, whose joins may then take hours. -#}
  {% if execute %}{% do adapter.dispatch('analyze', 'sqlml')(relation) %}{% endif %}
{% endmacro %}

{% macro default__analyze(relation) %}
  {#- DuckDB has them at once. -#}
{% endmacro %}

{% macro postgres__analyze(relation) %}
  {% call statement('analyze') %}ANALYZE {{ relation }}{% endcall %}
{% endmacro %}
