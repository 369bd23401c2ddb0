{% macro refuse_without_deployment(model_name, outcome) %}
  {#- The last thing that a model node does: what it has written stays, and what hangs on it is skipped. -#}
  {% if sqlml.setting('deploy', 'gated') != 'never' and sqlml.live_version(model_name) is none %}
    {% do exceptions.raise_database_error(
      "model '" ~ model_name ~ "' has no live version. Version " ~ outcome.version ~ " did not pass: " ~ outcome.reason
      ~ ". Give it better features or more rows, or put it live with deploy='always'"
    ) %}
  {% elif sqlml.setting('require_deployed', false) and not outcome.deployed %}
    {% do exceptions.raise_database_error(
      "version " ~ outcome.version ~ " of model '" ~ model_name ~ "' was not deployed: " ~ outcome.reason
      ~ ". The version that was live stays live; require_deployed asked to stop here"
    ) %}
  {% endif %}
{% endmacro %}
