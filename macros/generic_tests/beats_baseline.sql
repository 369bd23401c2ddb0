{% test beats_baseline(model, by=0, confident=false) %}
SELECT live.model, live.version, gate.metric, gate.value AS gain, gate.ci_low, gate.ci_high
FROM (SELECT max(model) AS model, max(CASE WHEN is_live THEN version END) AS version FROM {{ model }} AS v) AS live
LEFT JOIN sqlml.metric AS gate
  ON gate.model = live.model AND gate.version = live.version AND gate.dataset = 'gate'
  AND gate.slice_value IN ('majority', 'mean')
WHERE gate.value IS NULL OR gate.value <= {{ by }}{% if confident %} OR gate.ci_low IS NULL OR gate.ci_low <= {{ by }}{% endif %}
{% endtest %}
