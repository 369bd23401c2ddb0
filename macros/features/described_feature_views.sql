{% macro described_feature_views(feature_views, ttl) %}
  {#- Each item as one description: relation, key columns, features, prefix, time-to-live, columns of the spine. -#}
  {% set described = [] %}
  {% for item in feature_views if execute %}
    {% set given = item if item is mapping and item.view is defined else {'view': item} %}
    {% set node = sqlml.node_of(given.view, 'feature_view') %}
    {% set keys = sqlml.feature_keys(node) %}
    {% set known = (keys.entity + [keys.event_time, keys.known_at]) | map('lower') | list %}
    {% set features = [] %}
    {% for column in adapter.get_columns_in_relation(given.view) if column.name | lower not in known %}
      {% do features.append(column.name) %}
    {% endfor %}
    {% do described.append({
      'relation': given.view,
      'key': keys,
      'columns': given.columns or features,
      'prefix': given.prefix or '',
      'ttl': given.ttl or ttl or keys.ttl,
      'spine_column': given.entity or {},
    }) %}
  {% endfor %}
  {{ return(described) }}
{% endmacro %}
