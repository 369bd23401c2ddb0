{% macro predict_proba(model, row, version=none) -%}
  {{- sqlml.scoring_call('predict_proba', model, row, version) -}}
{%- endmacro %}
