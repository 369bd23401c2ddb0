-- What algorithm => '...' may be.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE VIEW sqlml.algorithm WITH (security_invoker = true) AS
SELECT * FROM (VALUES
  ('baseline', 'the same answer for every row: the frequency of each class, or the mean of the target'),
  ('lightgbm', 'gradient boosted decision trees (LightGBM)'),
  ('linear', 'logistic regression, or ridge regression of a number (scikit-learn)')
) AS listed(algorithm, description);
COMMENT ON VIEW sqlml.algorithm IS 'What algorithm => ... may be';
COMMENT ON COLUMN sqlml.algorithm.algorithm IS 'Its name, as algorithm => takes it';
COMMENT ON COLUMN sqlml.algorithm.description IS 'What it is';
GRANT SELECT ON sqlml.algorithm TO sqlml_reader;

RESET ROLE;
RESET search_path;
