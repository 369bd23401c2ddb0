{% macro predict_label(model, row, version=none) -%}
  {{- sqlml.scoring_call('predict_label', model, row, version) -}}
{%- endmacro %}
