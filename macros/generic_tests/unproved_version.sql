{% macro unproved_version(relation, artifact_hash) -%}
  {#- A row where the live version, or its proof, is not there, or is another one. The artifact alone says what a model
      answers; the proof says that the SQL of this engine answers the same, bit by bit. -#}
SELECT
  live.model, live.version, stored.artifact_hash, {{ sqlml.text_literal(target.type) }} AS dialect, proof.max_abs_diff,
  proof.rows_compared
FROM (SELECT max(model) AS model, max(CASE WHEN is_live THEN version END) AS version FROM {{ relation }} AS v) AS live
LEFT JOIN sqlml.model_version AS stored ON stored.model = live.model AND stored.version = live.version
LEFT JOIN sqlml.compiled AS proof
  ON proof.model = live.model AND proof.version = live.version AND proof.dialect = {{ sqlml.text_literal(target.type) }}
WHERE stored.artifact_hash IS NULL OR COALESCE(proof.rows_compared, 0) = 0 OR COALESCE(proof.max_abs_diff, 1) <> 0
{%- if artifact_hash is not none %}
  OR stored.artifact_hash <> {{ sqlml.text_literal(artifact_hash) }}
{%- endif %}
{%- endmacro %}
