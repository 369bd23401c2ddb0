{% macro end_transaction() %}
  {#- CALL sqlml... commits its own work, and hands it to a worker where that is asked for: it has to stand outside of any
      transaction. -#}
  {% do adapter.dispatch('end_transaction', 'sqlml')() %}
{% endmacro %}

{% macro default__end_transaction() %}
  {#- sqlml works on a connection of its own there. -#}
{% endmacro %}

{% macro postgres__end_transaction() %}
  {#- As dbt does before hooks outside of a transaction: psycopg2 has begun one at the first query, and begins no other. -#}
  {% call statement('end_transaction', auto_begin=False) %}COMMIT{% endcall %}
{% endmacro %}
