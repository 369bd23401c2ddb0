-- The weather at the origin two hours before departure. A row of the weather counts from the end of its hour, for not
-- quite two: the next one is known by then, or is missing.
{{ config(materialized='view') }}
{{ sqlml.features_at(
  "SELECT flight_id, origin, predicted_utc FROM " ~ ref('flight') ~ " WHERE timetable_utc IS NOT NULL",
  [{'view': ref('airport_weather'), 'columns': ['visibility', 'wind_speed'], 'ttl': '119 minutes'}],
  at='predicted_utc'
) }}
