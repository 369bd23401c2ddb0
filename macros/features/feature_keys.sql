{% macro feature_keys(node) %}
  {#- The columns of a feature view that are no features; known_at is event_time where a row is known at once. -#}
  {% set entity = sqlml.setting('entity', of=node) %}
  {% set event_time = sqlml.setting('event_time', of=node) %}
  {% if not entity or not event_time %}
    {% do exceptions.raise_compiler_error(
      "feature_view '" ~ node.name ~ "' needs entity (the columns of its key) and event_time in its config"
    ) %}
  {% endif %}
  {{ return({
    'entity': [entity] if entity is string else entity,
    'event_time': event_time,
    'known_at': sqlml.setting('known_at', event_time, of=node),
    'ttl': sqlml.setting('ttl', of=node),
  }) }}
{% endmacro %}
