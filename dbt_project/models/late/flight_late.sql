-- Will a flight arrive more than 15 minutes late? Learned from what had ended by today.
{{ config(
  materialized='ml_model', target_column='is_late', key_column='flight_id', time_column='scheduled_at',
  retrain=var('retrain')
) }}
-- depends_on: {{ ref('flight_checks') }}
SELECT flight_features.*
FROM {{ ref('flight_features') }} AS flight_features
JOIN {{ ref('flight') }} AS flight USING (flight_id)
WHERE flight.outcome_utc < CAST('{{ var("today") }}' AS TIMESTAMP)
