SELECT faa, name, tzone FROM {{ source('published', 'airports') }}
