{% macro live_call(function, name, row) -%}
  {{- adapter.dispatch('live_call', 'sqlml')(function, name, row) -}}
{%- endmacro %}

{% macro default__live_call(function, name, row) -%}
  sqlml.{{ function }}_{{ name }}({{ row }})
{%- endmacro %}

{#- A statement here sees the functions of what is live at each moment, but the tables as they were when it began: the
    version is looked up there, once, so that all rows have the same and predict_version names it. -#}
{% macro postgres__live_call(function, name, row) -%}
  sqlml.{{ function }}({{ sqlml.text_literal(name ~ '@') }} || {{ sqlml.predict_version(name) }}, {{ row }})
{%- endmacro %}
