{% macro refuse_failed_checks(what, outcome) %}
  {#- The last thing that is done: what the checks found is written by now, and what hangs on the node is skipped. -#}
  {% if outcome.warned %}
    {% do exceptions.warn("checks of '" ~ what ~ "' warn: " ~ outcome.warned | join('; ')) %}
  {% endif %}
  {% if outcome.failed %}
    {% do exceptions.raise_database_error(
      "checks of '" ~ what ~ "' failed: " ~ outcome.failed | join('; ') ~ ". All results are in sqlml.check_result"
    ) %}
  {% endif %}
{% endmacro %}
