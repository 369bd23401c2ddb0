{% test feature_contract(model, ml_model) %}
{#- The model is asked about one row, or about a row of NULLs of the same types where there is none. It answers every row
    that it can read; one that it cannot read ends the test with the column and the remedy. -#}
SELECT answer FROM (
  SELECT {{ sqlml.scoring_call('raw_score', ml_model, 'r') }} AS answer
  FROM (
    SELECT given.* FROM (SELECT 1 AS one) AS always LEFT JOIN (SELECT * FROM {{ model }} AS g LIMIT 1) AS given ON TRUE
  ) AS r
) AS asked
WHERE answer IS NULL
{% endtest %}
