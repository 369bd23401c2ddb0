{% test predictions_complete(model, of, key_column, time_column=none, only='TRUE') %}
SELECT r.{{ adapter.quote(key_column) }}{% if time_column %}, r.{{ adapter.quote(time_column) }}{% endif %}
FROM {{ of }} AS r
WHERE ({{ only }}) AND NOT EXISTS (
  SELECT 1 FROM {{ model }} AS p
  WHERE p.{{ adapter.quote(key_column) }} = r.{{ adapter.quote(key_column) }}
  {%- if time_column %} AND p.event_time = CAST(r.{{ adapter.quote(time_column) }} AS TIMESTAMP){% endif %}
)
{% endtest %}
