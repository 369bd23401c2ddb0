-- The features of the model flight_late: what is known of a flight two hours before its scheduled departure.
--
-- One pattern carries all of it. Two kinds of rows are laid on one line of time: things that become known (a
-- departure, an outcome), which count, and the moments at which a flight is predicted, which count nothing. A window
-- that ends at the current row then holds for each prediction exactly what was known by then, and nothing later.
--
-- Whether a flight is cancelled must not show in how its row is made, only in what went before. So:
-- * The plane of a flight is the one that last flew its number. The recorded tail number is empty for 145 of the 1,204
--   cancelled flights (for all of United, Frontier and Hawaiian) and never for others: with it, a model finds
--   cancelled flights by the gap (AUC 0.90 against 0.87), and where no gap is, the true plane's record adds nothing.
-- * Traffic and overdue flights are counted by the timetable of earlier days, not by who flew today.
--
-- Sums are of integers, so that no order of rows and no number of threads changes a digit.
WITH prediction AS (
  SELECT flight_id, flight_date, carrier, flight_number, origin, dest, scheduled_utc, predicted_utc
  FROM {{ ref('flight') }} AS flight
  WHERE timetable_utc IS NOT NULL
),

-- How flights ended. Minutes late are cut at -30 and 180, for one plane 20 hours late says little about the next; a
-- cancelled or diverted flight counts as 180.
outcome AS (
  SELECT
    flight_date, carrier, flight_number, origin, dest, tailnum, outcome_utc, is_cancelled,
    GREATEST(-30, LEAST(180, COALESCE(arr_delay, 180)))                                    AS delay,
    CAST(is_late AS INTEGER)                                                               AS late,
    CAST(is_cancelled AS INTEGER)                                                          AS cancelled
  FROM {{ ref('flight') }} AS flight
),

outcome_line AS (
  SELECT
    CAST(NULL AS VARCHAR) AS flight_id, outcome_utc AS moment, carrier, origin, dest, flight_number,
    1 AS flights, delay, late, cancelled,
    CASE WHEN NOT is_cancelled THEN flight_date END AS flown_on
  FROM outcome
  UNION ALL
  SELECT
    flight_id, predicted_utc, carrier, origin, dest, flight_number,
    0, 0, 0, 0,
    CAST(NULL AS DATE)
  FROM prediction
),

recent_outcome AS (
  SELECT
    flight_id,
    sum(flights) OVER origin_3h     AS origin_flights_3h,
    sum(delay) OVER origin_3h       AS origin_delay_3h,
    sum(flights) OVER origin_24h    AS origin_flights_24h,
    sum(delay) OVER origin_24h      AS origin_delay_24h,
    sum(late) OVER origin_24h       AS origin_late_24h,
    sum(cancelled) OVER origin_24h  AS origin_cancelled_24h,
    sum(flights) OVER carrier_6h    AS carrier_flights_6h,
    sum(delay) OVER carrier_6h      AS carrier_delay_6h,
    sum(flights) OVER carrier_24h   AS carrier_flights_24h,
    sum(delay) OVER carrier_24h     AS carrier_delay_24h,
    sum(late) OVER carrier_24h      AS carrier_late_24h,
    sum(cancelled) OVER carrier_24h AS carrier_cancelled_24h,
    sum(flights) OVER dest_6h       AS dest_flights_6h,
    sum(delay) OVER dest_6h         AS dest_delay_6h,
    sum(flights) OVER dest_24h      AS dest_flights_24h,
    sum(delay) OVER dest_24h        AS dest_delay_24h,
    sum(late) OVER dest_24h         AS dest_late_24h,
    sum(cancelled) OVER dest_24h    AS dest_cancelled_24h,
    sum(flights) OVER route_28d     AS route_flights_28d,
    sum(delay) OVER route_28d       AS route_delay_28d,
    sum(late) OVER route_28d        AS route_late_28d,
    sum(flights) OVER number_7d     AS number_flights_7d,
    sum(delay) OVER number_7d       AS number_delay_7d,
    sum(late) OVER number_7d        AS number_late_7d,
    sum(flights) OVER number_28d    AS number_flights_28d,
    sum(delay) OVER number_28d      AS number_delay_28d,
    sum(late) OVER number_28d       AS number_late_28d,
    max(flown_on) OVER number_ever  AS number_flown_on
  FROM outcome_line
  WINDOW
    origin_3h   AS (PARTITION BY origin ORDER BY moment RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND CURRENT ROW),
    origin_24h  AS (PARTITION BY origin ORDER BY moment RANGE BETWEEN INTERVAL '24 hours' PRECEDING AND CURRENT ROW),
    carrier_6h  AS (PARTITION BY carrier ORDER BY moment RANGE BETWEEN INTERVAL '6 hours' PRECEDING AND CURRENT ROW),
    carrier_24h AS (PARTITION BY carrier ORDER BY moment RANGE BETWEEN INTERVAL '24 hours' PRECEDING AND CURRENT ROW),
    dest_6h     AS (PARTITION BY dest ORDER BY moment RANGE BETWEEN INTERVAL '6 hours' PRECEDING AND CURRENT ROW),
    dest_24h    AS (PARTITION BY dest ORDER BY moment RANGE BETWEEN INTERVAL '24 hours' PRECEDING AND CURRENT ROW),
    route_28d   AS (PARTITION BY carrier, origin, dest
                    ORDER BY moment RANGE BETWEEN INTERVAL '28 days' PRECEDING AND CURRENT ROW),
    number_7d   AS (PARTITION BY carrier, flight_number, origin, dest
                    ORDER BY moment RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW),
    number_28d  AS (PARTITION BY carrier, flight_number, origin, dest
                    ORDER BY moment RANGE BETWEEN INTERVAL '28 days' PRECEDING AND CURRENT ROW),
    number_ever AS (PARTITION BY carrier, flight_number, origin, dest
                    ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),

-- A departure is known the moment it happens, hours before the landing.
departure_line AS (
  SELECT
    CAST(NULL AS VARCHAR) AS flight_id, departed_utc AS moment, carrier, origin,
    1 AS flights,
    GREATEST(-30, LEAST(180, dep_delay)) AS delay,
    CASE WHEN dep_delay > 15 THEN 1 ELSE 0 END AS late
  FROM {{ ref('flight') }} AS flight
  WHERE departed_utc IS NOT NULL
  UNION ALL
  SELECT flight_id, predicted_utc, carrier, origin, 0, 0, 0
  FROM prediction
),

recent_departure AS (
  SELECT
    flight_id,
    sum(flights) OVER origin_1h  AS origin_departed_1h,
    sum(delay) OVER origin_1h    AS origin_dep_delay_1h,
    sum(late) OVER origin_1h     AS origin_dep_late_1h,
    sum(flights) OVER origin_3h  AS origin_departed_3h,
    sum(delay) OVER origin_3h    AS origin_dep_delay_3h,
    sum(late) OVER origin_3h     AS origin_dep_late_3h,
    sum(flights) OVER carrier_3h AS carrier_departed_3h,
    sum(delay) OVER carrier_3h   AS carrier_dep_delay_3h,
    sum(late) OVER carrier_3h    AS carrier_dep_late_3h
  FROM departure_line
  WINDOW
    origin_1h  AS (PARTITION BY origin ORDER BY moment RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW),
    origin_3h  AS (PARTITION BY origin ORDER BY moment RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND CURRENT ROW),
    carrier_3h AS (PARTITION BY carrier ORDER BY moment RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND CURRENT ROW)
),

-- A flight that should have left a quarter of an hour ago, and has neither left nor been cancelled, is late already.
overdue_line AS (
  SELECT
    CAST(NULL AS VARCHAR) AS flight_id, timetable_utc + INTERVAL '15 minutes' AS moment, carrier, origin, 1 AS overdue
  FROM {{ ref('flight') }} AS flight
  WHERE timetable_utc IS NOT NULL
  UNION ALL
  SELECT
    NULL,
    GREATEST(timetable_utc + INTERVAL '15 minutes', COALESCE(departed_utc, outcome_utc)),
    carrier, origin, -1
  FROM {{ ref('flight') }} AS flight
  WHERE timetable_utc IS NOT NULL
  UNION ALL
  SELECT flight_id, predicted_utc, carrier, origin, 0
  FROM prediction
),

overdue_now AS (
  SELECT
    flight_id,
    sum(overdue) OVER (PARTITION BY origin ORDER BY moment)          AS origin_overdue,
    sum(overdue) OVER (PARTITION BY carrier, origin ORDER BY moment) AS carrier_overdue
  FROM overdue_line
),

-- How busy the airport is planned to be around the departure.
traffic_line AS (
  SELECT CAST(NULL AS VARCHAR) AS flight_id, timetable_utc AS moment, origin, 1 AS flights
  FROM {{ ref('flight') }} AS flight
  WHERE timetable_utc IS NOT NULL
  UNION ALL
  SELECT flight_id, scheduled_utc, origin, 0
  FROM prediction
),

planned_traffic AS (
  SELECT
    flight_id,
    sum(flights) OVER (
      PARTITION BY origin ORDER BY moment
      RANGE BETWEEN INTERVAL '30 minutes' PRECEDING AND INTERVAL '30 minutes' FOLLOWING
    ) AS origin_traffic
  FROM traffic_line
),

-- The last flight of this number whose end was known, and the plane that flew it.
last_of_number AS (
  SELECT prediction.*, outcome.tailnum, outcome.delay AS number_delay_last
  FROM prediction
  JOIN recent_outcome USING (flight_id)
  LEFT JOIN outcome
    ON  outcome.carrier = prediction.carrier
    AND outcome.flight_number = prediction.flight_number
    AND outcome.origin = prediction.origin
    AND outcome.dest = prediction.dest
    AND outcome.flight_date = recent_outcome.number_flown_on
),

plane_line AS (
  SELECT CAST(NULL AS VARCHAR) AS flight_id, outcome_utc AS moment, tailnum, 1 AS flights, delay
  FROM outcome
  WHERE tailnum IS NOT NULL
  UNION ALL
  SELECT flight_id, predicted_utc, tailnum, 0, 0
  FROM last_of_number
  WHERE tailnum IS NOT NULL
),

recent_plane AS (
  SELECT flight_id, sum(flights) OVER week AS plane_flights_7d, sum(delay) OVER week AS plane_delay_7d
  FROM plane_line
  WINDOW week AS (PARTITION BY tailnum ORDER BY moment RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW)
)

SELECT
  flight_id,
  flight.scheduled_at,
  flight.is_late,

  -- schedule (no month: a model trained on June to October has not seen the others)
  flight.carrier,
  flight.origin,
  flight.dest,
  flight.distance,
  CAST(60 * EXTRACT(hour FROM flight.scheduled_at) + EXTRACT(minute FROM flight.scheduled_at) AS INTEGER)
                                                                                 AS minute_of_day,
  CAST(EXTRACT(isodow FROM flight.scheduled_at) AS INTEGER)                      AS day_of_week,
  CAST(origin_traffic AS INTEGER)                                                AS origin_traffic,

  -- right now
  CAST(origin_overdue AS INTEGER)                                                AS origin_overdue,
  CAST(carrier_overdue AS INTEGER)                                                  AS carrier_overdue,
  CAST(origin_dep_delay_1h AS DOUBLE PRECISION) / NULLIF(origin_departed_1h, 0)  AS origin_dep_delay_1h,
  CAST(origin_dep_late_1h AS DOUBLE PRECISION) / NULLIF(origin_departed_1h, 0)   AS origin_dep_late_1h,
  CAST(origin_dep_delay_3h AS DOUBLE PRECISION) / NULLIF(origin_departed_3h, 0)  AS origin_dep_delay_3h,
  CAST(origin_dep_late_3h AS DOUBLE PRECISION) / NULLIF(origin_departed_3h, 0)   AS origin_dep_late_3h,
  CAST(carrier_dep_delay_3h AS DOUBLE PRECISION) / NULLIF(carrier_departed_3h, 0) AS carrier_dep_delay_3h,
  CAST(carrier_dep_late_3h AS DOUBLE PRECISION) / NULLIF(carrier_departed_3h, 0) AS carrier_dep_late_3h,

  -- flights that had landed: from here, of the carrier, to the same place
  CAST(origin_delay_3h AS DOUBLE PRECISION) / NULLIF(origin_flights_3h, 0)       AS origin_delay_3h,
  CAST(origin_delay_24h AS DOUBLE PRECISION) / NULLIF(origin_flights_24h, 0)     AS origin_delay_24h,
  CAST(origin_late_24h AS DOUBLE PRECISION) / NULLIF(origin_flights_24h, 0)      AS origin_late_24h,
  CAST(origin_cancelled_24h AS INTEGER)                                          AS origin_cancelled_24h,
  CAST(carrier_delay_6h AS DOUBLE PRECISION) / NULLIF(carrier_flights_6h, 0)     AS carrier_delay_6h,
  CAST(carrier_delay_24h AS DOUBLE PRECISION) / NULLIF(carrier_flights_24h, 0)   AS carrier_delay_24h,
  CAST(carrier_late_24h AS DOUBLE PRECISION) / NULLIF(carrier_flights_24h, 0)    AS carrier_late_24h,
  CAST(carrier_cancelled_24h AS INTEGER)                                         AS carrier_cancelled_24h,
  CAST(dest_delay_6h AS DOUBLE PRECISION) / NULLIF(dest_flights_6h, 0)           AS dest_delay_6h,
  CAST(dest_delay_24h AS DOUBLE PRECISION) / NULLIF(dest_flights_24h, 0)         AS dest_delay_24h,
  CAST(dest_late_24h AS DOUBLE PRECISION) / NULLIF(dest_flights_24h, 0)          AS dest_late_24h,
  CAST(dest_cancelled_24h AS INTEGER)                                            AS dest_cancelled_24h,

  -- the habits of the route and of the flight number
  CAST(route_delay_28d AS DOUBLE PRECISION) / NULLIF(route_flights_28d, 0)       AS route_delay_28d,
  CAST(route_late_28d AS DOUBLE PRECISION) / NULLIF(route_flights_28d, 0)        AS route_late_28d,
  CAST(number_delay_7d AS DOUBLE PRECISION) / NULLIF(number_flights_7d, 0)       AS number_delay_7d,
  CAST(number_late_7d AS DOUBLE PRECISION) / NULLIF(number_flights_7d, 0)        AS number_late_7d,
  CAST(number_delay_28d AS DOUBLE PRECISION) / NULLIF(number_flights_28d, 0)     AS number_delay_28d,
  CAST(number_late_28d AS DOUBLE PRECISION) / NULLIF(number_flights_28d, 0)      AS number_late_28d,
  number_delay_last,

  -- the plane that last flew the number
  CAST(EXTRACT(year FROM flight.flight_date) AS INTEGER) - raw_planes.built_in   AS plane_age,
  raw_planes.seats                                                               AS plane_seats,
  CAST(plane_delay_7d AS DOUBLE PRECISION) / NULLIF(plane_flights_7d, 0)         AS plane_delay_7d,

  -- the weather of the last full hour
  weather_then.visibility,
  weather_then.wind_speed

FROM {{ ref('flight') }} AS flight
JOIN recent_outcome USING (flight_id)
JOIN recent_departure USING (flight_id)
JOIN overdue_now USING (flight_id)
JOIN planned_traffic USING (flight_id)
JOIN last_of_number USING (flight_id)
LEFT JOIN recent_plane USING (flight_id)
LEFT JOIN {{ ref('stg_planes') }} AS raw_planes ON raw_planes.tailnum = last_of_number.tailnum
JOIN {{ ref('flight_weather') }} AS weather_then USING (flight_id)
ORDER BY flight.scheduled_at, flight_id
