{% test metric_at_least(model, metric, value) %}
{{ sqlml.live_metric(model, metric) }}
WHERE measured.value IS NULL OR measured.value < {{ value }}
{% endtest %}
