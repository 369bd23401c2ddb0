-- For the dashboard: what was predicted of each day, and what came true of the flights that have ended by today.
{{ config(materialized='view') }}
SELECT
  CAST(predicted.event_time AS DATE)                                                          AS flight_day,
  predicted.version,
  count(*)                                                                                    AS flights,
  avg(predicted.prediction)                                                                   AS predicted_share_late,
  avg(CASE WHEN flight.outcome_utc < CAST('{{ var("today") }}' AS TIMESTAMP)
           THEN CASE WHEN flight.is_late THEN 1.0 ELSE 0.0 END END)                           AS share_late
FROM {{ ref('flight_predictions') }} AS predicted
JOIN {{ ref('flight') }} AS flight USING (flight_id)
GROUP BY 1, 2
