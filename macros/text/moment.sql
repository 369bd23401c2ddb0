{% macro moment(given=none) -%}
  {#- Times in the tables of sqlml are UTC. -#}
  {%- if given is none -%}
    (CURRENT_TIMESTAMP AT TIME ZONE 'UTC')
  {%- else -%}
    CAST({{ sqlml.text_literal(given) }} AS TIMESTAMP)
  {%- endif -%}
{%- endmacro %}
