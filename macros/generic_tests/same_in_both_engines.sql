{% test same_in_both_engines(model, artifact_hash=none) %}
  {%- set query = sqlml.unproved_version(model, artifact_hash) -%}
  {%- do sqlml.name_unproved(query, artifact_hash) -%}
{{ query }}
{% endtest %}
