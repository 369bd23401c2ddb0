{% macro check(relation, suite) -%}
  {%- if not sqlml.only_shows_text() -%}
    {%- do sqlml.refuse_failed_checks(relation | string, sqlml.checked(sqlml.check_call(relation, suite))) -%}
  {%- endif -%}
{%- endmacro %}
