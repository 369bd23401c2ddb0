{% macro known_truth(model_name) -%}
SELECT t.model, t.key, t.event_time, t.value, t.observed_at, t.recorded_at
FROM (
  SELECT
    g.*,
    ROW_NUMBER() OVER (PARTITION BY g.key, g.event_time ORDER BY g.observed_at DESC, g.recorded_at DESC) AS age
  FROM sqlml.ground_truth AS g
  WHERE g.model = {{ sqlml.text_literal(model_name) }}
) AS t
WHERE t.age = 1
{%- endmacro %}
