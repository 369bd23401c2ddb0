{% test beats_champion(model, by=0, confident=false) %}
SELECT latest.model, latest.version, gate.metric, gate.value AS gain, gate.ci_low, gate.ci_high
FROM (SELECT max(model) AS model, max(version) AS version FROM {{ model }} AS v) AS latest
JOIN sqlml.metric AS gate
  ON gate.model = latest.model AND gate.version = latest.version AND gate.dataset = 'gate'
  AND gate.slice_value = 'champion'
WHERE gate.value IS NULL OR gate.value <= {{ by }}{% if confident %} OR gate.ci_low IS NULL OR gate.ci_low <= {{ by }}{% endif %}
{% endtest %}
