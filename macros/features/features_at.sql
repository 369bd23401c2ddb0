{% macro features_at(spine, feature_views, at, ttl=none) -%}
  {%- set views = sqlml.described_feature_views(feature_views, ttl) -%}
  {%- if not sqlml.only_shows_text() -%}
    {%- set spine_kinds = sqlml.kinds_of_columns(spine) -%}
    {%- do sqlml.refuse_equal_names(spine_kinds, views) -%}
    {%- do sqlml.refuse_other_kinds(spine_kinds, views, at) -%}
  {%- endif -%}
WITH sqlml_spine AS (
  SELECT * FROM {{ spine if spine is not string else '(\n' ~ spine ~ '\n) AS given' }}
)
{%- for view in views %},
{{ sqlml.newest_known(view, at, loop.index) }}
{%- endfor %}
SELECT
  sqlml_spine.*
  {%- for view in views -%}
  {%- set outer = loop.index -%}
  {%- for column in view.columns %},
  sqlml_known_{{ outer }}.{{ adapter.quote(column) }} AS {{ adapter.quote(view.prefix ~ column) }}
  {%- endfor -%}
  {%- endfor %}
FROM sqlml_spine
{%- for view in views %}
{{ sqlml.join_of_known(view, at, loop.index) }}
{%- endfor %}
{%- endmacro %}
