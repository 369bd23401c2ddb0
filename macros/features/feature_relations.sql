{% macro feature_relations() %}
  {#- The table <name>__v<n>, and the views through which it is read: ref(), and the name without a version. -#}
  {% set latest = not model.version or model.version == model.latest_version %}
  {% set name = model.name if model.version else this.identifier %}
  {% set version = model.version or sqlml.setting('feature_version', 1) %}
  {% set table = this.incorporate(path={'identifier': name ~ '__v' ~ version}, type='table') %}
  {% set views = [] %}
  {% for identifier in [this.identifier] + ([name] if latest else [])
     if identifier != table.identifier and identifier not in views | map(attribute='identifier') %}
    {% do views.append(this.incorporate(path={'identifier': identifier}, type='view')) %}
  {% endfor %}
  {{ return({'table': table, 'views': views}) }}
{% endmacro %}
