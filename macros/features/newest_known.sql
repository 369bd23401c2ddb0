{% macro newest_known(view, at, index) -%}
  {#- Everything that becomes known, and the moments that are asked about, lie on one line of time for each entity. A
      running maximum over that line is the newest event_time that was known at each moment. -#}
  {%- set event_time = adapter.quote(view.key.event_time) -%}
  {%- set known_at = adapter.quote(view.key.known_at) -%}
  {%- set entity = [] -%}
  {%- set asked = [] -%}
  {%- for column in view.key.entity -%}
    {%- do entity.append(adapter.quote(column)) -%}
    {%- do asked.append(adapter.quote(view.spine_column.get(column, column))) -%}
  {%- endfor -%}
  {%- set entity = entity | join(', ') -%}
sqlml_known_{{ index }} AS (
  SELECT
    *,
    LEAD({{ known_at }}) OVER (PARTITION BY {{ entity }}, {{ event_time }} ORDER BY {{ known_at }}) AS sqlml_known_until
  FROM {{ view.relation }}
),
sqlml_line_{{ index }} AS (
  SELECT {{ entity }}, GREATEST({{ event_time }}, {{ known_at }}) AS sqlml_moment, {{ event_time }} AS sqlml_event, 0 AS sqlml_asked
  FROM {{ view.relation }}
  UNION ALL
  SELECT asked.*, NULL, 1
  FROM (SELECT DISTINCT {{ asked | join(', ') }}, {{ adapter.quote(at) }} FROM sqlml_spine) AS asked
  WHERE {{ adapter.quote(at) }} IS NOT NULL
),
sqlml_newest_{{ index }} AS (
  SELECT * FROM (
    SELECT *, MAX(sqlml_event) OVER (PARTITION BY {{ entity }} ORDER BY sqlml_moment) AS sqlml_newest
    FROM sqlml_line_{{ index }}
  ) AS line
  WHERE sqlml_asked = 1
)
{%- endmacro %}
