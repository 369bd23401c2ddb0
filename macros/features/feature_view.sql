{% materialization feature_view, default %}
  {%- set keys = sqlml.feature_keys(model) -%}
  {%- set names = sqlml.feature_relations() -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- set table = names.table.incorporate(type='table') -%}
  {%- set intermediate = make_intermediate_relation(table) -%}
  {%- do drop_relation_if_exists(load_cached_relation(intermediate)) -%}
  {%- do drop_relation_if_exists(load_cached_relation(make_backup_relation(table, 'table'))) -%}
  {%- call statement('build') -%}{{ get_create_table_as_sql(False, intermediate, sql) }}{%- endcall -%}
  {%- do sqlml.refuse_bad_feature_rows(intermediate, keys) -%}
  {%- if sqlml.feature_table() is none -%}
    {%- set message = sqlml.replaced_features(intermediate, table) -%}
  {%- else -%}
    {%- set message = sqlml.added_features(intermediate, table, keys) -%}
  {%- endif -%}
  {%- do sqlml.analyze(table) -%}
  {%- call noop_statement('main', message) -%}{{ sql }}{%- endcall -%}
  {%- for view in names.views -%}
    {%- do persist_docs(sqlml.replace_view(view, 'SELECT * FROM ' ~ table), model) -%}
  {%- endfor -%}
  {%- do sqlml.finish(table, post_hooks) -%}
  {%- for view in names.views -%}
    {%- do drop_relation_if_exists(load_cached_relation(make_backup_relation(view, 'view'))) -%}
  {%- endfor -%}
  {{ return({'relations': [table] + names.views}) }}
{% endmaterialization %}
