{% test no_unseen_categories(model, at_most=0) %}
SELECT unseen.slice_value AS column_name, unseen.value AS rows_unseen, unseen.n AS rows_scored
FROM sqlml.metric AS unseen
WHERE unseen.metric = 'unseen_categories' AND unseen.value > {{ at_most }}
  AND unseen.run_id IN (
    SELECT p.run_id FROM {{ model }} AS p
    WHERE p.predicted_at = (SELECT max(newest.predicted_at) FROM {{ model }} AS newest)
  )
{% endtest %}
