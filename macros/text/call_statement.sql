{% macro call_statement(procedure, arguments) -%}
CALL sqlml.{{ procedure }}(
  {%- for name, value in arguments.items() if value is not none %}
  {{ adapter.quote(name) if name == 'into' else name }} => {{ sqlml.argument_literal(value) }}{{ ',' if not loop.last }}
  {%- endfor %}
)
{%- endmacro %}
