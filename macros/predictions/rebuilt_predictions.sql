{% macro rebuilt_predictions(address, existing, target_relation) %}
  {#- The old table can be read until the new one is whole: that is made under another name and renamed.
      The next scoring into its schema forgets that name. -#}
  {% set intermediate = make_intermediate_relation(target_relation) %}
  {% set added = sqlml.scored(sqlml.score_call(address, sql | trim, intermediate)) %}
  {% do sqlml.begin_transaction() %}
  {% do adapter.drop_relation(existing) %}
  {% do adapter.rename_relation(intermediate, target_relation) %}
  {% do adapter.commit() %}
  {{ return(added.rows) }}
{% endmacro %}
