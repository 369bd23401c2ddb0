{% macro predictions_address() %}
  {#- Which model, and which version of it, a node of predictions asks; the model must stand in its lineage. -#}
  {% set name = sqlml.setting('model') %}
  {% if not name or not sqlml.setting('key_column') %}
    {% do exceptions.raise_compiler_error("ml_predictions needs model and key_column in its config") %}
  {% endif %}
  {% do sqlml.refuse_hidden_model(name) %}
  {% set version = sqlml.setting('version') %}
  {{ return(name if version is none else name ~ '@' ~ version) }}
{% endmacro %}
