{% macro refuse_other_than_predictions(relation) %}
  {% set found = get_columns_in_query(relation) | map('lower') | list %}
  {% set lacking = [] %}
  {% for column in [sqlml.setting('key_column') | lower, 'event_time', 'model', 'predicted_at', 'run_id'] if column not in found %}
    {% do lacking.append(column) %}
  {% endfor %}
  {% if lacking %}
    {% do exceptions.raise_compiler_error(
      "an ml_monitoring node reads predictions, and its SELECT lacks " ~ lacking | join(', ')
      ~ "; write SELECT * FROM {{ ref('...') }} with an ml_predictions node"
    ) %}
  {% endif %}
{% endmacro %}
