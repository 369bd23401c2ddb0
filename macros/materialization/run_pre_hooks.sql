{% macro run_pre_hooks(hooks) %}
  {#- What the hooks have written is committed: sqlml works on a connection of its own and reads what is committed. -#}
  {{ run_hooks(hooks, inside_transaction=False) }}
  {{ run_hooks(hooks, inside_transaction=True) }}
  {% if hooks | selectattr('transaction') | list %}
    {% do adapter.commit() %}
  {% endif %}
{% endmacro %}
