{% macro train_arguments(model_name, relation) %}
  {% set target = sqlml.setting('target_column') %}
  {% if not target %}
    {% do exceptions.raise_compiler_error(
      "an ml_model needs target_column: the column of its SELECT that the model is to predict"
    ) %}
  {% endif %}
  {% set arguments = {'model': model_name, 'relation': relation, 'target': target} %}
  {% for name in [
    'task', 'algorithm', 'hyperparams', 'preprocess', 'features', 'key_column', 'time_column', 'weight_column',
    'group_column', 'split', 'test_size', 'search', 'search_space', 'trials', 'seed', 'deploy', 'runtime'
  ] %}
    {% do arguments.update({name: sqlml.setting(name)}) %}
  {% endfor %}
  {{ return(arguments) }}
{% endmacro %}
