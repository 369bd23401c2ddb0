{% macro checked(call) %}
  {% do sqlml.end_transaction() %}
  {% call statement('check', fetch_result=True, auto_begin=False) %}{{ call }}{% endcall %}
  {% set row = load_result('check').table.rows[0] %}
  {% set counted = [] %}
  {% for status in ['passed', 'warned', 'failed', 'skipped'] if row[status] | int > 0 or status == 'passed' %}
    {% do counted.append((row[status] | int) ~ ' ' ~ status) %}
  {% endfor %}
  {{ return({
    'message': counted | join(', '),
    'warned': sqlml.reasons_of_checks(row['run_id'], 'warn'),
    'failed': sqlml.reasons_of_checks(row['run_id'], 'fail'),
  }) }}
{% endmacro %}
