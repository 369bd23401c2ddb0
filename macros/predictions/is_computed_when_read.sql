{% macro is_computed_when_read() %}
  {#- An ephemeral node may become part of a view. -#}
  {{ return(
    model.resource_type == 'model' and model.config.materialized in ['view', 'ephemeral', 'materialized_view']
  ) }}
{% endmacro %}
