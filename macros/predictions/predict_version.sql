{% macro predict_version(model, version=none) -%}
  {%- set name = sqlml.name_of_model(model) -%}
  {%- if sqlml.is_computed_when_read() -%}
    (SELECT addressed_version FROM sqlml.address WHERE address = {{ sqlml.text_literal(name) }})
  {%- else -%}
    CAST({{ sqlml.answering_version(name, version) or 'NULL' }} AS INTEGER)
  {%- endif -%}
{%- endmacro %}
