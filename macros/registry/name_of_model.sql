{% macro name_of_model(given) %}
  {% if given is string or not execute %}
    {{ return(given | string) }}
  {% endif %}
  {{ return(sqlml.model_name(sqlml.node_of(given, 'ml_model'))) }}
{% endmacro %}
