{% materialization ml_checks, default %}
  {%- set name = sqlml.name_of_suite() -%}
  {%- set checks = sqlml.setting('checks') -%}
  {%- do sqlml.run_pre_hooks(pre_hooks) -%}

  {%- set call = sqlml.check_call(sql | trim, name if checks is none else {'name': name, 'checks': checks}) -%}
  {%- set outcome = sqlml.checked(call) -%}
  {%- call noop_statement('main', outcome.message) -%}{{ call }}{%- endcall -%}

  {%- set target_relation = sqlml.replace_view(this, sqlml.check_results(name)) -%}
  {%- set made = sqlml.finish(target_relation, post_hooks) -%}
  {%- do sqlml.refuse_failed_checks(model.name, outcome) -%}
  {{ return(made) }}
{% endmaterialization %}
