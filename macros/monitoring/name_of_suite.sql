{% macro name_of_suite() %}
  {#- The name under which an ml_checks node keeps its checks and their results. -#}
  {% set suite = sqlml.setting('suite') %}
  {% if sqlml.setting('checks') is none and suite is none %}
    {% do exceptions.raise_compiler_error(
      "ml_checks needs checks in its config, a list such as [{'check': 'not_null', 'column': 'id'}], "
      ~ "or suite, the name of one that is kept in sqlml.check_definition"
    ) %}
  {% endif %}
  {{ return(suite or model.name) }}
{% endmacro %}
