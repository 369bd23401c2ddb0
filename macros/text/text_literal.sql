{% macro text_literal(value) -%}
  {{- dbt.string_literal(dbt.escape_single_quotes(value | string)) -}}
{%- endmacro %}
