{% macro node_of(relation, materialized) %}
  {#- The node of the project that a relation comes from; a deferred ref() names another schema than the node. -#}
  {% set nodes = [] %}
  {% for node in graph.nodes.values()
     if node.config.materialized == materialized and node.alias == relation.identifier %}
    {% do nodes.insert(0 if node.schema == relation.schema else nodes | length, node) %}
  {% endfor %}
  {% if not nodes %}
    {% do exceptions.raise_compiler_error(
      relation ~ " does not come from a node that is materialized as " ~ materialized ~ "; give ref() of one"
    ) %}
  {% endif %}
  {{ return(nodes[0]) }}
{% endmacro %}
