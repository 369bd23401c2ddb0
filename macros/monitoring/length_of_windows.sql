{% macro length_of_windows() %}
  {% set every = sqlml.setting('every', 'day') %}
  {% set known = ['hour', 'day', 'week', 'month', 'quarter', 'year'] %}
  {% if every not in known %}
    {% do exceptions.raise_compiler_error("every='" ~ every ~ "' is unknown; known are " ~ known | join(', ')) %}
  {% endif %}
  {{ return(every) }}
{% endmacro %}
