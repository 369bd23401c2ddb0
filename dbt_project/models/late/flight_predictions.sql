{{ config(
  materialized='ml_predictions', model='flight_late', key_column='flight_id', time_column='scheduled_at'
) }}
-- depends_on: {{ ref('flight_late') }}
SELECT * FROM {{ ref('flight_features') }}
WHERE scheduled_at >= CAST('{{ var("predict_from") }}' AS TIMESTAMP)
