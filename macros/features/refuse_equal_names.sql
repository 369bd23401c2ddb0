{% macro refuse_equal_names(columns, views) %}
  {% set taken = columns | list %}
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
