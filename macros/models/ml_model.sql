{% materialization ml_model, default %}
  {%- set model_name = sqlml.model_name(model) -%}
  {%- set relation = sql | trim -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- if pre_hooks | selectattr('transaction') | list -%}
    {%- do adapter.commit() -%}
  {%- endif -%}

  {%- set call = sqlml.call_statement('train', sqlml.train_arguments(model_name, relation)) -%}
  {%- set reason_to_keep = sqlml.reason_to_keep(model_name, relation) -%}
  {%- set outcome = sqlml.trained(call) if reason_to_keep is none else sqlml.kept(model_name, reason_to_keep) -%}
  {%- call noop_statement('main', outcome.message) -%}{{ call }}{%- endcall -%}

  {%- set target_relation = sqlml.replace_view(this, sqlml.model_versions(model_name)) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=True) -%}
  {%- do persist_docs(target_relation, model) -%}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {%- do adapter.commit() -%}
  {%- do drop_relation_if_exists(make_backup_relation(target_relation, 'view')) -%}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {%- do sqlml.refuse_without_deployment(model_name, outcome) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
