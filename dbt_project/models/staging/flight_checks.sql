-- What has to hold of the flights of the last period before anything is learned or said from them.
{{ config(
  materialized='ml_checks',
  checks=[
    {'check': 'unique', 'columns': ['flight_date', 'carrier', 'flight_number', 'origin', 'dest']},
    {'check': 'allowed_values', 'column': 'origin', 'values': ['SEA', 'PDX']},
    {'check': 'range', 'column': 'dep_delay', 'min': -60, 'max': 2880},
    {'check': 'range', 'column': 'air_time', 'min': 10, 'max': 720},
    {'check': 'not_null', 'column': 'dest'},
    {'check': 'not_null', 'column': 'dep_delay', 'max_share': 0.01, 'severity': 'warn'},
    {'check': 'row_count', 'min': 5000},
  ]
) }}
SELECT * FROM {{ ref('stg_flights') }}
WHERE flight_date >= CAST('{{ var("today") }}' AS DATE) - INTERVAL '{{ var("period") }}'
  AND flight_date < CAST('{{ var("today") }}' AS DATE)
