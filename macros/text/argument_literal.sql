{% macro argument_literal(value) -%}
  {%- if value is mapping or (value is iterable and value is not string) -%}
    {{- sqlml.text_literal(tojson(value)) -}}
  {%- elif value is number -%}
    {{- value -}}
  {%- else -%}
    {{- sqlml.text_literal(value) -}}
  {%- endif -%}
{%- endmacro %}
