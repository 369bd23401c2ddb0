{% macro refuse_other_kinds(spine_kinds, views, at) %}
  {#- An engine would turn one into the other and match what is not the same, by the time zone of the session at worst. -#}
  {% for view in views %}
    {% set kinds = sqlml.kinds_of_columns(view.relation) %}
    {% set pairs = [(at, view.key.event_time), (at, view.key.known_at)] %}
    {% for column in view.key.entity %}{% do pairs.append((view.spine_column.get(column, column), column)) %}{% endfor %}
    {% for asked, known in pairs %}
      {% set asked_kind = spine_kinds.get(asked | lower) %}
      {% set known_kind = kinds.get(known | lower) %}
      {% if asked | lower not in spine_kinds %}
        {% do exceptions.raise_compiler_error(
          "features_at: the spine has no column '" ~ asked ~ "'; name the one that stands for '" ~ known ~ "' of "
          ~ view.relation ~ (" with at=..." if asked == at else " with 'entity': {'" ~ known ~ "': ...}")
        ) %}
      {% elif asked_kind is not none and known_kind is not none and asked_kind != known_kind %}
        {% do exceptions.raise_compiler_error(
          "features_at: '" ~ asked ~ "' of the spine is " ~ asked_kind ~ " and '" ~ known ~ "' of " ~ view.relation
          ~ " is " ~ known_kind ~ "; give both one type with CAST"
        ) %}
      {% endif %}
    {% endfor %}
  {% endfor %}
{% endmacro %}
