-- How the flights that were predicted have ended, as far as that is known by today.
{{ config(
  materialized='ml_truth', model='flight_late', key_column='flight_id', truth_column='is_late',
  observed_column='outcome_utc'
) }}
SELECT flight_id, flight.is_late, flight.outcome_utc
FROM {{ ref('flight_predictions') }} AS predicted
JOIN {{ ref('flight') }} AS flight USING (flight_id)
WHERE flight.outcome_utc < CAST('{{ var("today") }}' AS TIMESTAMP)
