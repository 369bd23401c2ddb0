{% test metric_at_least(model, metric, value) %}
  {%- set query = sqlml.live_metric(model, metric) ~ ' WHERE measured.value IS NULL OR measured.value < ' ~ value -%}
  {%- do sqlml.name_metric('metric_at_least', query, value ~ ' at least') -%}
{{ query }}
{% endtest %}
