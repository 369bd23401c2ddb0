{% macro monitored_windows(model_name, every) -%}
  {%- set name = sqlml.text_literal(model_name) -%}
  {%- set truncated = dbt.date_trunc(every, 'w.window_start') -%}
WITH newest AS (
  SELECT r.*
  FROM (
    SELECT w.*, ROW_NUMBER() OVER (PARTITION BY w.window_start, w.window_end ORDER BY w.monitored_at DESC, w.run_id) AS age
    FROM sqlml.monitored_window AS w
    WHERE w.model = {{ name }}
      AND w.window_start = {{ truncated }} AND w.window_end = {{ sqlml.window_end(truncated, every) }}
  ) AS r
  WHERE r.age = 1
),
drift AS (
  SELECT
    d.run_id,
    d.version,
    COUNT(*) AS columns_compared,
    COUNT(CASE WHEN d.drifted AND d.value >= 0.02 THEN 1 END) AS columns_drifted,
    STRING_AGG(CASE WHEN d.drifted AND d.value >= 0.02 THEN d.column_name END, ', ' ORDER BY d.value DESC) AS drifted_columns,
    MAX(d.value) AS greatest_psi,
    MAX(CASE WHEN d.column_name = 'prediction' THEN d.value END) AS prediction_psi
  FROM sqlml.drift_metric AS d
  WHERE d.model = {{ name }} AND d.metric = 'psi' AND d.slice_key IS NULL
  GROUP BY d.run_id, d.version
)
SELECT
  p.model,
  p.version,
  w.window_start,
  w.window_end,
  p.n AS predictions,
  p.label_coverage,
  trained.metric,
  realised.value,
  realised.ci_low,
  realised.ci_high,
  trained.value AS value_at_training,
  drift.columns_compared,
  drift.columns_drifted,
  drift.drifted_columns,
  drift.greatest_psi,
  drift.prediction_psi,
  answers.value AS mean_prediction,
  w.monitored_at,
  w.run_id
FROM newest AS w
JOIN sqlml.performance_metric AS p
  ON p.run_id = w.run_id AND p.metric = 'label_coverage' AND p.slice_key IS NULL
LEFT JOIN sqlml.reference_metric AS trained ON trained.model = p.model AND trained.version = p.version
LEFT JOIN sqlml.performance_metric AS realised
  ON realised.run_id = w.run_id AND realised.version = p.version AND realised.metric = trained.metric
  AND realised.slice_key IS NULL
LEFT JOIN drift ON drift.run_id = w.run_id AND drift.version = p.version
LEFT JOIN sqlml.profile_metric AS answers
  ON answers.run_id = w.run_id AND answers.version = p.version AND answers.metric = 'mean'
  AND answers.column_name = 'prediction' AND answers.slice_key IS NULL
{%- endmacro %}
