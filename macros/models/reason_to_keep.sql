{% macro reason_to_keep(model_name, relation) %}
  {#- Why a model is not trained in this run, in words; none where it is to be trained. -#}
  {% set policies = ['always', 'when_new_rows', 'when_drifted', 'never_if_exists'] %}
  {% set policy = sqlml.setting('retrain', 'always') %}
  {% if policy not in policies %}
    {% do exceptions.raise_compiler_error("retrain='" ~ policy ~ "' is unknown; known are " ~ policies | join(', ')) %}
  {% endif %}
  {% set usable = sqlml.latest_version(model_name) if sqlml.setting('deploy', 'gated') == 'never'
                  else sqlml.live_version(model_name) %}
  {% if policy == 'always' or usable is none or should_full_refresh() %}
    {{ return(none) }}
  {% elif policy == 'never_if_exists' %}
    {{ return('it exists') }}
  {% elif policy == 'when_new_rows' %}
    {{ return(none if sqlml.has_new_rows(model_name, relation) else 'no new rows since its last training') }}
  {% else %}
    {{ return(none if sqlml.has_drifted(model_name) else 'no alert is open that came after its last training') }}
  {% endif %}
{% endmacro %}
