{% macro check_call(relation, suite) -%}
  {#- CHECK is a reserved word. -#}
  {{- sqlml.call_statement(adapter.quote('check'), {'relation': relation | string, 'suite': suite}) -}}
{%- endmacro %}
