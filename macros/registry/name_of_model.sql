{% macro name_of_model(given) %}
  {% if given is string or not execute %}
    {{ return(given | string) }}
  {% endif %}
  {% set nodes = [] %}
  {% for node in graph.nodes.values() if node.config.materialized == 'ml_model' and node.alias == given.identifier %}
    {% do nodes.insert(0 if node.schema == given.schema else nodes | length, node) %}
  {% endfor %}
  {% if not nodes %}
    {% do exceptions.raise_compiler_error(
      given ~ " is not a model: give ref() of a node that is materialized as ml_model, or the name of a model as text"
    ) %}
  {% endif %}
  {{ return(sqlml.model_name(nodes[0])) }}
{% endmacro %}
