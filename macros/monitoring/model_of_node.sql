{% macro model_of_node(needed) %}
  {#- The model that a node of truth or monitoring is about; it must stand in the node's lineage. -#}
  {% for setting in needed if not sqlml.setting(setting) %}
    {% do exceptions.raise_compiler_error(model.config.materialized ~ " needs " ~ needed | join(', ') ~ " in its config") %}
  {% endfor %}
  {% set name = sqlml.setting('model') %}
  {% if sqlml.latest_version(name) is none %}
    {% do exceptions.raise_compiler_error(
      "there is no model '" ~ name ~ "' yet; name one without a version, and run its ml_model node first"
    ) %}
  {% endif %}
  {% do sqlml.refuse_hidden_model(name) %}
  {{ return(name) }}
{% endmacro %}
