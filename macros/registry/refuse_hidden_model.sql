{% macro refuse_hidden_model(name) %}
  {#- What a node asks in text is unknown to dbt, so the model must stand before the node by ref(), itself or through
      others. The loop goes on over what is appended to its list. -#}
  {% set before = model.depends_on.nodes | list %}
  {% for unique_id in before if unique_id in graph.nodes %}
    {% for earlier in graph.nodes[unique_id].depends_on.nodes or [] if earlier not in before %}
      {% do before.append(earlier) %}
    {% endfor %}
  {% endfor %}
  {% for node in graph.nodes.values() if node.config.materialized == 'ml_model' %}
    {% if sqlml.model_name(node) == name.split('@')[0] and node.unique_id not in before %}
      {% do exceptions.raise_compiler_error(
        "the node asks model '" ~ name ~ "' and does not say so to dbt, which may run it first. Add this line to its "
        ~ "SELECT: -- depends_on: {{ ref('" ~ node.name ~ "') }}"
      ) %}
    {% endif %}
  {% endfor %}
{% endmacro %}
