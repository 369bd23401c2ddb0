-- What is not asked of the model. A cancelled flight without a past has no schedule. A flown flight without a past has
-- one, but to keep only those would teach the model that a new number is never cancelled: both go.
SELECT
  CAST(flight_date AS VARCHAR) || ' ' || carrier || ' ' || CAST(flight_number AS VARCHAR)
    || ' ' || origin || ' ' || dest                                                        AS flight_id,
  CASE
    WHEN flight.flight_id IS NULL THEN 'cancelled before the number ever flew the route'
    ELSE 'first flight of the number on the route'
  END                                                                                      AS reason
FROM {{ ref('stg_flights') }} AS raw_flights
LEFT JOIN {{ ref('flight') }} AS flight USING (flight_date, carrier, flight_number, origin, dest)
WHERE flight.timetable_utc IS NULL
ORDER BY flight_id
