{% macro live_metric(model, metric) -%}
  {#- One row, also where nothing is live or the metric is not measured: both are failures. -#}
SELECT live.model, live.version, {{ sqlml.text_literal(metric) }} AS metric, measured.value
FROM (SELECT max(model) AS model, max(CASE WHEN is_live THEN version END) AS version FROM {{ model }} AS v) AS live
LEFT JOIN sqlml.metric AS measured
  ON measured.model = live.model AND measured.version = live.version AND measured.dataset = 'test'
  AND measured.slice_key IS NULL AND measured.metric = {{ sqlml.text_literal(metric) }}
{%- endmacro %}
