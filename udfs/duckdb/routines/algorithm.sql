-- What algorithm => '...' may be.
CREATE OR REPLACE VIEW sqlml.algorithm AS
SELECT * FROM (VALUES
  ('baseline', 'the majority class, the mean, or a constant: version 1 before any real model exists'),
  ('lightgbm', 'gradient boosted trees'),
  ('linear', 'logistic or ridge regression')
) AS listed(algorithm, description);
COMMENT ON VIEW sqlml.algorithm IS 'What algorithm => ... may be';
