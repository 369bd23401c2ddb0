{% macro refuse_bad_feature_rows(relation, keys) %}
  {% set identity = (keys.entity + [keys.event_time, keys.known_at]) | unique | list %}
  {% for column in identity %}
    {% set row = sqlml.first_row(
      "SELECT count(*) FROM " ~ relation ~ " WHERE " ~ adapter.quote(column) ~ " IS NULL"
    ) %}
    {% if row[0] > 0 %}
      {% do exceptions.raise_database_error(
        "feature_view '" ~ model.name ~ "': " ~ row[0] ~ (" row has" if row[0] == 1 else " rows have") ~ " no '" ~ column
        ~ "', so no one could say when or for whom they hold; leave them out with WHERE " ~ column ~ " IS NOT NULL"
      ) %}
    {% endif %}
  {% endfor %}
  {% set quoted = [] %}
  {% for column in identity %}{% do quoted.append(adapter.quote(column)) %}{% endfor %}
  {% set row = sqlml.first_row(
    "SELECT count(*) FROM (SELECT 1 AS one FROM " ~ relation ~ " GROUP BY " ~ quoted | join(', ')
    ~ " HAVING count(*) > 1) AS doubled"
  ) %}
  {% if row[0] > 0 %}
    {% do exceptions.raise_database_error(
      "feature_view '" ~ model.name ~ "': " ~ row[0] ~ (" combination" if row[0] == 1 else " combinations") ~ " of "
      ~ identity | join(', ') ~ (" stands" if row[0] == 1 else " stand")
      ~ " more than once, so no one could say which row holds; aggregate them, or give known_at"
    ) %}
  {% endif %}
{% endmacro %}
