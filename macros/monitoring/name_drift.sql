{% macro name_drift(query) %}
  {#- dbt says of a test only how many rows it found; the columns are named here. -#}
  {% if sqlml.only_shows_text() %}{{ return('') }}{% endif %}
  {% for row in run_query(query ~ ' ORDER BY measured.value DESC').rows %}
    {% set about = row['metric'] ~ " of '" ~ (row['column_name'] or 'any column') ~ "' of " ~ row['model'] %}
    {% if row['value'] is none %}
      {% do log(
        'drift_below: ' ~ about ~ ' was not measured in the window from ' ~ row['window_start'] ~ ' to '
        ~ row['window_end'], info=True
      ) %}
    {% else %}
      {% do log(
        'drift_below: ' ~ about ~ '@' ~ row['version'] ~ ' is ' ~ '%.4f' | format(row['value'] | float) ~ ', and '
        ~ row['at_most'] ~ ' at most is allowed, from ' ~ row['window_start'] ~ ' to ' ~ row['window_end'], info=True
      ) %}
    {% endif %}
  {% endfor %}
{% endmacro %}
