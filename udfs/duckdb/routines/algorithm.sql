-- What algorithm => '...' may be.
CREATE OR REPLACE VIEW sqlml.algorithm AS
SELECT * FROM (VALUES
  ('baseline', 'the same answer for every row: the frequency of each class, or the mean of the target'),
  ('lightgbm', 'gradient boosted decision trees (LightGBM)'),
  ('linear', 'logistic regression, or ridge regression of a number (scikit-learn)')
) AS listed(algorithm, description);
COMMENT ON VIEW sqlml.algorithm IS 'What algorithm => ... may be';
COMMENT ON COLUMN sqlml.algorithm.algorithm IS 'Its name, as algorithm => takes it';
COMMENT ON COLUMN sqlml.algorithm.description IS 'What it is';
