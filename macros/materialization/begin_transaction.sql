{% macro begin_transaction() %}
  {#- dbt begins one before such a statement where none is open. -#}
  {% call statement('begin_transaction') %}SELECT 1 AS one{% endcall %}
{% endmacro %}
