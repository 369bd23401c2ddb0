{% macro model_name(node) %}
  {{ return(adapter.dispatch('model_name', 'sqlml')(node)) }}
{% endmacro %}

{% macro default__model_name(node) %}
  {% set given = node.config.get('model_name') or (node.config.get('meta') or {}).get('model_name') %}
  {% set version = '_v' ~ node.version if node.version else '' %}
  {{ return(given or node.name ~ version) }}
{% endmacro %}
