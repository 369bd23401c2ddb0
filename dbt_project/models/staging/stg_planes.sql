SELECT tailnum, CAST(year AS INTEGER) AS built_in, manufacturer, model, CAST(seats AS INTEGER) AS seats
FROM {{ source('published', 'planes') }}
