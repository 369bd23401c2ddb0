{% macro reasons_of_checks(run_id, status) %}
  {#- One text for each check of a run that ended like this: what was looked at, expected and found. -#}
  {% set rows = run_query(
    "SELECT check_name, column_name, expected, actual, sample FROM sqlml.check_result WHERE run_id = "
    ~ sqlml.text_literal(run_id) ~ " AND status = " ~ sqlml.text_literal(status) ~ " ORDER BY position"
  ).rows %}
  {% set reasons = [] %}
  {% for row in rows %}
    {% do reasons.append(
      row[0] ~ (' of ' ~ row[1] if row[1] else '') ~ ': expected ' ~ row[2] ~ ', found ' ~ (row[3] or 'nothing')
      ~ (', such as ' ~ row[4] if row[4] and row[4] != '[null]' else '')
    ) %}
  {% endfor %}
  {{ return(reasons) }}
{% endmacro %}
