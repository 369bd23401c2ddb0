{% materialization ml_model, default %}
  {%- set model_name = sqlml.model_name(model) -%}
  {%- set relation = sql | trim -%}
  {%- do sqlml.run_pre_hooks(pre_hooks) -%}

  {%- set call = sqlml.call_statement('train', sqlml.train_arguments(model_name, relation)) -%}
  {%- set reason_to_keep = sqlml.reason_to_keep(model_name, relation) -%}
  {%- set outcome = sqlml.trained(call) if reason_to_keep is none else sqlml.kept(model_name, reason_to_keep) -%}
  {%- call noop_statement('main', outcome.message) -%}{{ call }}{%- endcall -%}

  {%- set target_relation = sqlml.replace_view(this, sqlml.model_versions(model_name)) -%}
  {%- set made = sqlml.finish(target_relation, post_hooks) -%}
  {%- do sqlml.refuse_without_deployment(model_name, outcome) -%}
  {{ return(made) }}
{% endmaterialization %}
