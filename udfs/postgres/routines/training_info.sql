-- How a version was trained: data, split, hyperparameters, libraries, notes.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.training_info(model text) RETURNS TABLE (property text, value text)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT facts.property, facts.value
  FROM sqlml.addressed(training_info.model) AS named
  JOIN sqlml.model_version AS kept ON kept.model = named.model AND kept.version = named.version
  JOIN sqlml.model AS parent ON parent.model = kept.model
  CROSS JOIN LATERAL (VALUES
    (1, 'model', kept.model), (2, 'version', kept.version::text), (3, 'run_id', kept.run_id),
    (4, 'algorithm', kept.algorithm), (5, 'hyperparams', kept.hyperparams::text),
    (6, 'preprocess', kept.preprocess::text), (7, 'split', kept.split::text), (8, 'roles', kept.roles::text),
    (9, 'classes', kept.classes::text), (10, 'artifact_hash', kept.artifact_hash),
    (11, 'training_relation', kept.training_relation), (12, 'dataset_digest', kept.dataset_digest),
    (13, 'rows_trained', kept.rows_trained::text), (14, 'seed', kept.seed::text),
    (15, 'library_versions', kept.library_versions::text), (16, 'notes', kept.notes::text),
    (17, 'created_at', to_char(kept.created_at, 'YYYY-MM-DD HH24:MI:SS.US')), (18, 'created_by', kept.created_by),
    (19, 'task', parent.task), (20, 'target', parent.target)
  ) AS facts(place, property, value)
  ORDER BY facts.place;
END;
GRANT EXECUTE ON FUNCTION sqlml.training_info TO sqlml_reader;

RESET ROLE;
RESET search_path;
