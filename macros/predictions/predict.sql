{% macro predict(model, row, version=none) -%}
  {{- sqlml.scoring_call('predict', model, row, version) -}}
{%- endmacro %}
