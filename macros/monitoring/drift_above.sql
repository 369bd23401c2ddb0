{% macro drift_above(relation, at_most, metric, columns) -%}
  {#- In a window of few rows any column exceeds a limit by chance, so it counts where it is more than that, too. Also a
      row where the newest window lacks a column, or the metric of any: nobody knows then that it is below. -#}
SELECT
  about.model, measured.version, about.window_start, about.window_end, {{ 'wanted' if columns else 'measured' }}.column_name,
  {{ sqlml.text_literal(metric) }} AS metric, measured.value, {{ at_most }} AS at_most
FROM (
  SELECT
    asked.model, w.run_id, w.window_start, w.window_end,
    ROW_NUMBER() OVER (ORDER BY w.window_end DESC, w.monitored_at DESC) AS age
  FROM (SELECT MAX(model) AS model FROM {{ relation }} AS r) AS asked
  JOIN sqlml.monitored_window AS w ON w.model = asked.model AND w.n_predictions > 0
) AS about
{%- if columns %}
CROSS JOIN (
  {%- for column in columns %}
  SELECT {{ sqlml.text_literal(column) }} AS column_name{{ ' UNION ALL' if not loop.last }}
  {%- endfor %}
) AS wanted
{%- endif %}
LEFT JOIN sqlml.drift_metric AS measured
  ON measured.run_id = about.run_id AND measured.metric = {{ sqlml.text_literal(metric) }} AND measured.slice_key IS NULL
  {%- if columns %} AND measured.column_name = wanted.column_name{% endif %}
WHERE about.age = 1
  AND (measured.column_name IS NULL OR (measured.value > {{ at_most }} AND COALESCE(measured.drifted, TRUE)))
{%- endmacro %}
