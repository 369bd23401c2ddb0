{% test drift_below(model, at_most, metric='psi', columns=none, column_name=none) %}
  {%- set query = sqlml.drift_above(model, at_most, metric, columns or ([column_name] if column_name else [])) -%}
  {%- do sqlml.name_drift(query) -%}
{{ query }}
{% endtest %}
