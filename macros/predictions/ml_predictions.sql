{% materialization ml_predictions, default %}
  {%- set address = sqlml.predictions_address() -%}
  {%- do sqlml.run_pre_hooks(pre_hooks) -%}

  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {#- What a job that was killed while it rebuilt has left behind; it would be monitored beside this one. -#}
  {%- do drop_relation_if_exists(load_cached_relation(make_intermediate_relation(target_relation))) -%}
  {%- set rebuilds = existing is not none and (should_full_refresh() or not existing.is_table) -%}
  {%- set rebuilt = sqlml.rebuilt_predictions(address, existing, target_relation) if rebuilds else 0 -%}

  {%- set relation = sql | trim -%}
  {%- if rebuilds or (existing is not none and not sqlml.setting('rescore', false)) -%}
    {%- set relation = sqlml.unanswered_rows(address, relation, target_relation) -%}
  {%- endif -%}
  {%- set call = sqlml.score_call(address, relation, target_relation) -%}
  {%- set added = sqlml.scored(call) -%}
  {%- set message = (added.rows + rebuilt) ~ ' rows added by version ' ~ added.version -%}
  {%- call noop_statement('main', message) -%}{{ call }}{%- endcall -%}
  {{ return(sqlml.finish(target_relation, post_hooks)) }}
{% endmaterialization %}
