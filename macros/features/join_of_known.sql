{% macro join_of_known(view, at, index) -%}
  {%- set newest = 'sqlml_newest_' ~ index -%}
  {%- set known = 'sqlml_known_' ~ index -%}
LEFT JOIN {{ newest }}
  ON {{ newest }}.sqlml_moment = sqlml_spine.{{ adapter.quote(at) }}
  {%- for column in view.key.entity %}
  AND {{ newest }}.{{ adapter.quote(column) }} = sqlml_spine.{{ adapter.quote(view.spine_column.get(column, column)) }}
  {%- endfor %}
LEFT JOIN {{ known }}
  ON {{ known }}.{{ adapter.quote(view.key.event_time) }} = {{ newest }}.sqlml_newest
  {%- for column in view.key.entity %}
  AND {{ known }}.{{ adapter.quote(column) }} = {{ newest }}.{{ adapter.quote(column) }}
  {%- endfor %}
  AND {{ known }}.{{ adapter.quote(view.key.known_at) }} <= {{ newest }}.sqlml_moment
  AND ({{ known }}.sqlml_known_until IS NULL OR {{ known }}.sqlml_known_until > {{ newest }}.sqlml_moment)
  {%- if view.ttl %}
  AND {{ known }}.{{ adapter.quote(view.key.event_time) }} >= {{ newest }}.sqlml_moment - INTERVAL {{ sqlml.text_literal(view.ttl) }}
  {%- endif %}
{%- endmacro %}
