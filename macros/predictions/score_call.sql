{% macro score_call(address, relation, into) -%}
  {{- sqlml.call_statement('score', {
    'model': address,
    'relation': relation,
    'into': into | string,
    'key_column': sqlml.setting('key_column'),
    'time_column': sqlml.setting('time_column'),
  }) -}}
{%- endmacro %}
