{% macro answering_version(name, version=none) %}
  {% if version is not none or not execute %}
    {{ return(version) }}
  {% endif %}
  {% set live = sqlml.live_version(name) %}
  {% if live is none and not sqlml.only_shows_text() %}
    {% do exceptions.raise_compiler_error(
      "model '" ~ name ~ "' has no live version; run its ml_model node first, or deploy a version"
    ) %}
  {% endif %}
  {{ return(live) }}
{% endmacro %}
