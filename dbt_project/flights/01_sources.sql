-- The published files as tables, one to one. Only types and the clock of the weather are touched.
--
-- The caller says where the files are:
--     SET VARIABLE flights_data = 'dbt_project/data';
-- Tables, not views: the database stays usable without the files. This is the only file that is DuckDB's alone;
-- the next two run on PostgreSQL as they are.

CREATE OR REPLACE TABLE raw_flights AS
SELECT
  make_date(year, month, day)  AS flight_date,
  carrier,
  CAST(flight AS INTEGER)      AS flight_number,
  origin,
  dest,
  CAST(distance AS INTEGER)    AS distance,
  tailnum,
  CAST(hour AS INTEGER)        AS dep_hour,     -- `hour` and `minute` are dep_time cut in two: when the flight left,
  CAST(minute AS INTEGER)      AS dep_minute,   -- not when it should have left
  CAST(dep_delay AS INTEGER)   AS dep_delay,
  CAST(arr_time AS INTEGER)    AS arr_time,
  CAST(arr_delay AS INTEGER)   AS arr_delay,
  CAST(air_time AS INTEGER)    AS air_time
FROM read_parquet(getvariable('flights_data') || '/flights.parquet');

-- `hour` is published as local time, and `time_utc` was computed from that, but the hours are UTC already. As local
-- hours, fog would be most frequent from 12 to 14 h, summer air calmest at 13 h and 23 h the warmest hour; as UTC these
-- are 5 to 7 h, 6 h and 16 h in summer time, and departure delays follow the wind of the hour before.
-- A row may stem from any minute of its hour, so it counts as known when the hour is over.
CREATE OR REPLACE TABLE raw_weather AS
SELECT
  origin,
  make_timestamp(year, month, day, hour, 0, 0)                        AS observed_utc,
  make_timestamp(year, month, day, hour, 0, 0) + INTERVAL '1 hour'    AS known_utc,
  visib                                                               AS visibility,
  wind_speed,
  wind_dir
  -- temp, dewp, humid, pressure and precip are empty in 91 to 98 % of the hours
FROM read_parquet(getvariable('flights_data') || '/weather.parquet');

CREATE OR REPLACE TABLE raw_planes AS
SELECT tailnum, CAST(year AS INTEGER) AS built_in, manufacturer, model, CAST(seats AS INTEGER) AS seats
FROM read_parquet(getvariable('flights_data') || '/planes.parquet');

CREATE OR REPLACE TABLE raw_airports AS
SELECT faa, name, tzone
FROM read_parquet(getvariable('flights_data') || '/airports.parquet');

CREATE OR REPLACE TABLE raw_airlines AS
SELECT carrier, name
FROM read_parquet(getvariable('flights_data') || '/airlines.parquet');
