{% macro model_versions(model_name) -%}
SELECT
  v.model,
  v.version,
  v.algorithm,
  v.created_at,
  v.rows_trained,
  gate.metric,
  measured.value,
  baseline.value AS baseline_value,
  live.version IS NOT NULL AS is_live,
  live.valid_from AS live_from,
  COALESCE(
    live.reason,
    (
      SELECT string_agg(
        g.metric || ' ' || CASE WHEN g.value > 0 THEN '+' ELSE '' END || CAST(CAST(g.value AS NUMERIC(18, 4)) AS VARCHAR)
          || ' against ' || g.slice_value,
        '; ' ORDER BY g.slice_value DESC
      )
      FROM sqlml.metric AS g
      WHERE g.run_id = v.run_id AND g.dataset = 'gate'
    )
  ) AS reason
FROM sqlml.model_version AS v
LEFT JOIN sqlml.metric AS gate
  ON gate.run_id = v.run_id AND gate.dataset = 'gate' AND gate.slice_value IN ('majority', 'mean')
LEFT JOIN sqlml.metric AS measured
  ON measured.run_id = v.run_id AND measured.dataset = 'test' AND measured.metric = gate.metric
  AND measured.slice_key IS NULL
LEFT JOIN sqlml.metric AS baseline
  ON baseline.run_id = v.run_id AND baseline.dataset = gate.slice_value AND baseline.metric = gate.metric
  AND baseline.slice_key IS NULL
LEFT JOIN sqlml.deployment AS live
  ON live.model = v.model AND live.version = v.version AND live.alias = 'champion' AND live.valid_to IS NULL
WHERE v.model = {{ sqlml.text_literal(model_name) }}
{%- endmacro %}
