{% materialization ml_truth, default %}
  {%- set model_name = sqlml.model_of_node(['model', 'key_column', 'truth_column']) -%}
  {%- do sqlml.run_pre_hooks(pre_hooks) -%}

  {%- set call = sqlml.call_statement('record_truth', {
    'model': model_name,
    'relation': sql | trim,
    'key_column': sqlml.setting('key_column'),
    'truth_column': sqlml.setting('truth_column'),
    'observed_column': sqlml.setting('observed_column'),
    'time_column': sqlml.setting('time_column'),
  }) -%}
  {%- do sqlml.end_transaction() -%}
  {%- call statement('truth', fetch_result=True, auto_begin=False) -%}{{ call }}{%- endcall -%}
  {%- set rows = load_result('truth').table.rows[0]['rows'] | int -%}
  {%- call noop_statement('main', rows ~ ' truths added') -%}{{ call }}{%- endcall -%}

  {%- set target_relation = sqlml.replace_view(this, sqlml.known_truth(model_name)) -%}
  {{ return(sqlml.finish(target_relation, post_hooks)) }}
{% endmaterialization %}
