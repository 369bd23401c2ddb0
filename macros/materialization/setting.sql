{% macro setting(name, default=none) %}
  {% set value = config.get(name) %}
  {% if value is none %}
    {% set value = (config.get('meta') or {}).get(name) %}
  {% endif %}
  {{ return(default if value is none else value) }}
{% endmacro %}
