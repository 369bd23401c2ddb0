{% macro answering_version(name, version=none) %}
  {#- dbt compile and dbt docs only show the text, before anything is trained: for them there may be no version. -#}
  {% if version is not none or not execute %}
    {{ return(version) }}
  {% endif %}
  {% set live = sqlml.live_version(name) %}
  {% if live is none and flags.WHICH not in ['compile', 'generate'] %}
    {% do exceptions.raise_compiler_error(
      "model '" ~ name ~ "' has no live version; run its ml_model node first, or deploy a version"
    ) %}
  {% endif %}
  {{ return(live) }}
{% endmacro %}
