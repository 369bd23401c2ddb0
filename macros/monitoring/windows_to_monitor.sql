{% macro windows_to_monitor(model_name, relation, every) %}
  {#- A window is looked at where it never was, or where predictions were made or truths recorded since it was. Runs are
      compared by when they ended, so that one that was under way at that time counts as later. -#}
  {% do sqlml.refuse_other_than_predictions(relation) %}
  {% set name = sqlml.text_literal(model_name) %}
  {% set key = adapter.quote(sqlml.setting('key_column')) %}
  {% set query %}
WITH answered AS (
  SELECT
    CAST(p.{{ key }} AS VARCHAR) AS key,
    CAST(p.event_time AS TIMESTAMP) AS event_time,
    CAST({{ dbt.date_trunc(every, 'COALESCE(CAST(p.event_time AS TIMESTAMP), p.predicted_at)') }} AS TIMESTAMP) AS window_start,
    COALESCE(scored.ended_at, p.predicted_at) AS changed_at
  FROM (
{{ relation }}
  ) AS p
  LEFT JOIN sqlml.run AS scored ON scored.run_id = p.run_id
  WHERE p.model = {{ name }}
),
learned AS (
  SELECT t.key, t.event_time, MAX(COALESCE(recorded.ended_at, t.recorded_at)) AS changed_at
  FROM sqlml.ground_truth AS t
  LEFT JOIN sqlml.run AS recorded ON recorded.run_id = t.run_id
  WHERE t.model = {{ name }}
  GROUP BY t.key, t.event_time
),
changed AS (
  SELECT a.window_start, {{ sqlml.window_end('a.window_start', every) }} AS window_end, a.changed_at FROM answered AS a
  UNION ALL
  SELECT a.window_start, {{ sqlml.window_end('a.window_start', every) }}, l.changed_at
  FROM answered AS a
  JOIN learned AS l ON l.key = a.key AND (l.event_time IS NULL OR l.event_time = a.event_time)
),
seen AS (
  SELECT w.window_start, w.window_end, MAX(looked.started_at) AS seen_at
  FROM sqlml.monitored_window AS w
  JOIN sqlml.run AS looked ON looked.run_id = w.run_id
  WHERE w.model = {{ name }}
  GROUP BY w.window_start, w.window_end
)
SELECT CAST(c.window_start AS VARCHAR) AS window_start, CAST(c.window_end AS VARCHAR) AS window_end
FROM changed AS c
LEFT JOIN seen AS s ON s.window_start = c.window_start AND s.window_end = c.window_end
GROUP BY c.window_start, c.window_end
{%- if not should_full_refresh() %}
HAVING MAX(s.seen_at) IS NULL OR MAX(c.changed_at) >= MAX(s.seen_at)
{%- endif %}
ORDER BY c.window_start
  {% endset %}
  {% set windows = [] %}
  {% for row in run_query(query).rows %}
    {% do windows.append({'start': row[0] | string, 'end': row[1] | string}) %}
  {% endfor %}
  {{ return(windows) }}
{% endmacro %}
