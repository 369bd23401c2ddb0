{% macro window_end(window_start, every) -%}
  {{ window_start }} + INTERVAL '{{ 3 if every == 'quarter' else 1 }} {{ 'month' if every == 'quarter' else every }}'
{%- endmacro %}
