{% macro unanswered_rows(address, relation, predictions) -%}
  {%- set key = adapter.quote(sqlml.setting('key_column')) -%}
  {%- set time = sqlml.setting('time_column') -%}
SELECT r.* FROM (
{{ relation }}
) AS r
WHERE NOT EXISTS (
  SELECT 1 FROM {{ predictions }} AS p
  WHERE p.model = {{ sqlml.text_literal(address.split('@')[0]) }} AND p.{{ key }} = r.{{ key }}
  {%- if time %} AND p.event_time = CAST(r.{{ adapter.quote(time) }} AS TIMESTAMP){% endif %}
)
{%- endmacro %}
