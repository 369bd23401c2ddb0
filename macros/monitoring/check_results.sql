{% macro check_results(suite) -%}
SELECT
  r.checked_at,
  r.checked_at = MAX(r.checked_at) OVER () AS is_newest,
  r.check_name,
  r.column_name,
  r.status,
  r.severity,
  r.expected,
  r.actual,
  r.failing_rows,
  r.sample,
  r.relation_rows,
  r.revision,
  r.run_id
FROM sqlml.check_result AS r
WHERE r.suite = {{ sqlml.text_literal(suite) }}
{%- endmacro %}
