{% macro name_metric(test, query, bound) %}
  {#- dbt says of a test only how many rows it found; the value and what is allowed are named here. -#}
  {% if sqlml.only_shows_text() %}{{ return('') }}{% endif %}
  {% for row in run_query(query).rows %}
    {% if row['version'] is none %}
      {% set wrong = (row['model'] or 'the model') ~ ' is not known: no version is live' %}
    {% elif row['value'] is none %}
      {% set wrong = row['model'] ~ '@' ~ row['version'] ~ ' was not measured on held-out rows' %}
    {% else %}
      {% set wrong = row['model'] ~ '@' ~ row['version'] ~ ' is ' ~ '%.4f' | format(row['value'] | float) %}
    {% endif %}
    {% do log(test ~ ': ' ~ row['metric'] ~ ' of ' ~ wrong ~ ', and ' ~ bound ~ ' is allowed', info=True) %}
  {% endfor %}
{% endmacro %}
