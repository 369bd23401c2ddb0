-- Drift and realised performance by month, or `monitor_every`: of those that have begun, where there is something new.
{{ config(
  materialized='ml_monitoring', model='flight_late', key_column='flight_id', every=var('monitor_every')
) }}
-- depends_on: {{ ref('flight_truth') }}
SELECT * FROM {{ ref('flight_predictions') }}
WHERE event_time >= CAST('{{ var("monitor_from") }}' AS TIMESTAMP)
  AND event_time < CAST('{{ var("today") }}' AS TIMESTAMP)
