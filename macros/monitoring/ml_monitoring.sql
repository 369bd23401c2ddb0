{% materialization ml_monitoring, default %}
  {%- set model_name = sqlml.model_of_node(['model', 'key_column']) -%}
  {%- set every = sqlml.length_of_windows() -%}
  {%- do sqlml.run_pre_hooks(pre_hooks) -%}

  {%- set windows = sqlml.windows_to_monitor(model_name, sql | trim, every) -%}
  {%- for window in windows -%}
    {%- do sqlml.monitored(sqlml.monitor_call(model_name, window)) -%}
  {%- endfor -%}
  {%- set message = windows | length ~ ' windows monitored, ' ~ sqlml.open_alerts(model_name) ~ ' alerts open' -%}
  {%- call noop_statement('main', message) -%}{{ sql }}{%- endcall -%}

  {%- set target_relation = sqlml.replace_view(this, sqlml.monitored_windows(model_name, every)) -%}
  {{ return(sqlml.finish(target_relation, post_hooks)) }}
{% endmaterialization %}
