{% macro added_features(rows, table, keys) %}
  {#- What is there stays as it was known, so that no moment of the past changes: only rows with a key and times of their
      own are added, late ones among them. -#}
  {% do sqlml.refuse_changed_columns(rows, table) %}
  {% set columns = [] %}
  {% for column in adapter.get_columns_in_relation(rows) %}{% do columns.append(adapter.quote(column.name)) %}{% endfor %}
  {% set columns = columns | join(', ') %}
  {% set same = [] %}
  {% for column in (keys.entity + [keys.event_time, keys.known_at]) | unique %}
    {% do same.append('kept.' ~ adapter.quote(column) ~ ' = r.' ~ adapter.quote(column)) %}
  {% endfor %}
  {% set before = sqlml.first_row('SELECT count(*) FROM ' ~ table)[0] %}
  {% call statement('add') %}
    INSERT INTO {{ table }} ({{ columns }})
    SELECT {{ columns }} FROM {{ rows }} AS r
    WHERE NOT EXISTS (SELECT 1 FROM {{ table }} AS kept WHERE {{ same | join(' AND ') }})
  {% endcall %}
  {% set added = sqlml.first_row('SELECT count(*) FROM ' ~ table)[0] - before %}
  {% set differ = sqlml.first_row(
    'SELECT count(*) FROM (SELECT ' ~ columns ~ ' FROM ' ~ rows ~ ' EXCEPT SELECT ' ~ columns ~ ' FROM ' ~ table ~ ') AS d'
  )[0] %}
  {% if differ > 0 %}
    {% do exceptions.warn(
      "feature_view '" ~ model.name ~ "': rows whose values have changed stay as they were known: " ~ differ
      ~ ". A correction is a new row with a later " ~ keys.known_at ~ "; --full-refresh takes the values of now"
    ) %}
  {% endif %}
  {% do adapter.drop_relation(rows) %}
  {{ return(added ~ ' rows added') }}
{% endmacro %}
