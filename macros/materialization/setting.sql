{% macro setting(name, default=none, of=none) %}
  {#- A setting of this node, or of another one; it may stand in config or in config.meta. -#}
  {% set settings = config if of is none else of.config %}
  {% set value = settings.get(name) %}
  {% if value is none %}
    {% set value = (settings.get('meta') or {}).get(name) %}
  {% endif %}
  {{ return(default if value is none else value) }}
{% endmacro %}
