{% macro model_name(node) %}
  {{ return(adapter.dispatch('model_name', 'sqlml')(node)) }}
{% endmacro %}

{% macro default__model_name(node) %}
  {% set version = '_v' ~ node.version if node.version else '' %}
  {{ return(sqlml.setting('model_name', node.name ~ version, of=node)) }}
{% endmacro %}
