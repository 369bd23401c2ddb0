{% macro kept(model_name, reason) %}
  {% set version = sqlml.live_version(model_name) or sqlml.latest_version(model_name) %}
  {% do log("model '" ~ model_name ~ "': version " ~ version ~ ' kept, not trained again: ' ~ reason, info=True) %}
  {{ return({
    'version': version,
    'deployed': version == sqlml.live_version(model_name),
    'reason': reason,
    'message': 'version ' ~ version ~ ' kept'
  }) }}
{% endmacro %}
