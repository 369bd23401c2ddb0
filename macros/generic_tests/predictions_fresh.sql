{% test predictions_fresh(model, within, time_column='predicted_at', now=none) %}
SELECT max({{ adapter.quote(time_column) }}) AS newest
FROM {{ model }} AS p
HAVING max({{ adapter.quote(time_column) }}) IS NULL
  OR max({{ adapter.quote(time_column) }}) < {{ sqlml.moment(now) }} - INTERVAL {{ sqlml.text_literal(within) }}
{% endtest %}
