-- Only types are touched. `hour` and `minute` are dep_time cut in two: when the flight left, not when it should have left.
SELECT
  make_date(year, month, day)  AS flight_date,
  carrier,
  CAST(flight AS INTEGER)      AS flight_number,
  origin,
  dest,
  CAST(distance AS INTEGER)    AS distance,
  tailnum,
  CAST(hour AS INTEGER)        AS dep_hour,
  CAST(minute AS INTEGER)      AS dep_minute,
  CAST(dep_delay AS INTEGER)   AS dep_delay,
  CAST(arr_time AS INTEGER)    AS arr_time,
  CAST(arr_delay AS INTEGER)   AS arr_delay,
  CAST(air_time AS INTEGER)    AS air_time
FROM {{ source('published', 'flights') }}
WHERE make_date(year, month, day) < CAST('{{ var("today") }}' AS DATE) + INTERVAL '{{ var("period") }}'
