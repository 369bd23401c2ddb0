-- `hour` is published as local time, and `time_utc` was computed from that, but the hours are UTC already. As local
-- hours, fog would be most frequent from 12 to 14 h, summer air calmest at 13 h and 23 h the warmest hour; as UTC these
-- are 5 to 7 h, 6 h and 16 h in summer time, and departure delays follow the wind of the hour before.
-- A row may stem from any minute of its hour, so it counts as known when the hour is over.
{{ config(materialized='feature_view', entity='origin', event_time='observed_utc', known_at='known_utc') }}
SELECT
  origin,
  make_timestamp(year, month, day, hour, 0, 0)                        AS observed_utc,
  make_timestamp(year, month, day, hour, 0, 0) + INTERVAL '1 hour'    AS known_utc,
  visib                                                               AS visibility,
  wind_speed,
  wind_dir
  -- temp, dewp, humid, pressure and precip are empty in 91 to 98 % of the hours
FROM {{ source('published', 'weather') }}
