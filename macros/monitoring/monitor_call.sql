{% macro monitor_call(model_name, window) -%}
  {{- sqlml.call_statement('monitor', {
    'model': model_name,
    'window_start': window.start,
    'window_end': window.end,
    'slices': sqlml.setting('slices'),
  }) -}}
{%- endmacro %}
