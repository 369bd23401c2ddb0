{% macro name_unproved(query, artifact_hash) %}
  {#- dbt says of a test only how many rows it found; what is wrong is named here. -#}
  {% if sqlml.only_shows_text() %}{{ return('') }}{% endif %}
  {% for row in run_query(query).rows %}
    {% set address = (row['model'] or 'the model') ~ '@' ~ (row['version'] or 'champion') %}
    {% if row['artifact_hash'] is none %}
      {% set wrong = 'is not live here' %}
    {% elif artifact_hash is not none and row['artifact_hash'] != artifact_hash %}
      {% set wrong = 'has artifact_hash ' ~ row['artifact_hash'] ~ ', and ' ~ artifact_hash ~ ' is asked for' %}
    {% else %}
      {% set wrong = 'has no proof that its SQL in ' ~ row['dialect'] ~ ' answers the same: '
        ~ (row['rows_compared'] or 0) ~ ' rows compared, greatest difference '
        ~ ('unknown' if row['max_abs_diff'] is none else row['max_abs_diff']) %}
    {% endif %}
    {% do log('same_in_both_engines: ' ~ address ~ ' ' ~ wrong, info=True) %}
  {% endfor %}
{% endmacro %}
