{% macro refuse_equal_names(spine, views) %}
  {% set source = spine if spine is not string else '(\n' ~ spine ~ '\n) AS given' %}
  {% set taken = [] %}
  {% for column in get_columns_in_query('SELECT * FROM ' ~ source) %}{% do taken.append(column | lower) %}{% endfor %}
  {% for view in views %}
    {% for column in view.columns %}
      {% set name = (view.prefix ~ column) | lower %}
      {% if name in taken %}
        {% do exceptions.raise_compiler_error(
          "features_at: '" ~ view.prefix ~ column ~ "' of " ~ view.relation ~ " is the name of another column; give a prefix: "
          ~ "{'view': ref('" ~ view.relation.identifier ~ "'), 'prefix': '" ~ view.relation.identifier ~ "_'}"
        ) %}
      {% endif %}
      {% do taken.append(name) %}
    {% endfor %}
  {% endfor %}
{% endmacro %}
