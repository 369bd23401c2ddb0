{% macro predictions_address() %}
  {#- Which model, and which version of it, a node of predictions asks; the model must stand in its lineage. -#}
  {% set name = sqlml.setting('model') %}
  {% if not name or not sqlml.setting('key_column') %}
    {% do exceptions.raise_compiler_error("ml_predictions needs model and key_column in its config") %}
  {% endif %}
  {% for node in graph.nodes.values() if node.config.materialized == 'ml_model' %}
    {% if sqlml.model_name(node) == name.split('@')[0] and node.unique_id not in model.depends_on.nodes %}
      {% do exceptions.raise_compiler_error(
        "the node asks model '" ~ name ~ "' and does not say so to dbt, which may run it first. Add this line to its "
        ~ "SELECT: -- depends_on: {{ ref('" ~ node.name ~ "') }}"
      ) %}
    {% endif %}
  {% endfor %}
  {% set version = sqlml.setting('version') %}
  {{ return(name if version is none else name ~ '@' ~ version) }}
{% endmacro %}
