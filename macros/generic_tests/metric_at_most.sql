{% test metric_at_most(model, metric, value) %}
  {%- set query = sqlml.live_metric(model, metric) ~ ' WHERE measured.value IS NULL OR measured.value > ' ~ value -%}
  {%- do sqlml.name_metric('metric_at_most', query, value ~ ' at most') -%}
{{ query }}
{% endtest %}
