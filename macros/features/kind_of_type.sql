{% macro kind_of_type(data_type) %}
  {#- Engines and their drivers have names of their own for a type. What is none of these is left to the engine. -#}
  {% set name = (data_type | lower).split('(')[0] %}
  {% set kinds = {
    'text': ['char', 'text', 'string'],
    'a time with a zone': ['with time zone', 'timestamptz', 'datetimetz'],
    'a time without a zone': ['timestamp', 'date'],
    'a number': ['int', 'numeric', 'decimal', 'number', 'double', 'float', 'real']
  } %}
  {% for kind, words in kinds.items() if not name.startswith('interval') %}
    {% for word in words if word in name %}{{ return(kind) }}{% endfor %}
  {% endfor %}
  {{ return(none) }}
{% endmacro %}
