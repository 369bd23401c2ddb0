{% macro scoring_call(function, model, row, version=none) -%}
  {%- set name = sqlml.name_of_model(model) -%}
  {%- if not execute -%}
    NULL
  {%- elif not sqlml.is_computed_when_read() -%}
    {%- set number = none if '@' in name else sqlml.answering_version(name, version) -%}
    {%- set address = name if number is none else name ~ '@' ~ number -%}
    sqlml.{{ function }}({{ sqlml.text_literal(address) }}, {{ row }})
  {%- elif version is none and '@' not in name -%}
    {%- do sqlml.answering_version(name) -%}
    {{- sqlml.live_call(function, name, row) -}}
  {%- else -%}
    {%- do exceptions.raise_compiler_error(
      "a view answers with the version of '" ~ name.split('@')[0] ~ "' that is live when it is read; "
      ~ "to keep to a version or an alias, make a table of it: materialized='table'"
    ) -%}
  {%- endif -%}
{%- endmacro %}
