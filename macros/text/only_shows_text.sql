{% macro only_shows_text() %}
  {#- dbt compile and dbt docs run before anything is there; what they make is read and not run. -#}
  {{ return(not execute or flags.WHICH in ['compile', 'generate']) }}
{% endmacro %}
