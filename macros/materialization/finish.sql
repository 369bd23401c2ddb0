{% macro finish(relation, hooks) %}
  {#- What dbt does at the end of each of its own materializations: grants, comments, hooks, commit, hooks. -#}
  {% do sqlml.begin_transaction() %}
  {% do apply_grants(relation, config.get('grants'), should_revoke=True) %}
  {% do persist_docs(relation, model) %}
  {{ run_hooks(hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {% do drop_relation_if_exists(load_cached_relation(make_backup_relation(relation, relation.type))) %}
  {{ run_hooks(hooks, inside_transaction=False) }}
  {{ return({'relations': [relation]}) }}
{% endmacro %}
