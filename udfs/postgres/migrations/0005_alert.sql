-- An alert that stays open says how it stands now: an old number would be taken for the newest one.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;
ALTER TABLE sqlml.alert ADD COLUMN opened_value double precision;
ALTER TABLE sqlml.alert ADD COLUMN updated_at timestamp;
ALTER TABLE sqlml.alert ADD COLUMN updated_run_id text;
UPDATE sqlml.alert SET opened_value = value, updated_at = opened_at, updated_run_id = run_id;
COMMENT ON COLUMN sqlml.alert.severity IS 'warn or error, by the newest value';
COMMENT ON COLUMN sqlml.alert.value IS 'Of the metric, in the newest window in which it held';
COMMENT ON COLUMN sqlml.alert.threshold IS 'What that value was held against';
COMMENT ON COLUMN sqlml.alert.message IS 'What is wrong, in words, with that value';
COMMENT ON COLUMN sqlml.alert.window_start IS 'Part of the newest window in which it held';
COMMENT ON COLUMN sqlml.alert.opened_value IS 'Of the metric, when it was opened';
COMMENT ON COLUMN sqlml.alert.updated_at IS 'When it was last found to hold; older than the newest run where that did not look at it';
COMMENT ON COLUMN sqlml.alert.updated_run_id IS 'The run that last found it to hold, and whose numbers it shows';
RESET ROLE;
RESET search_path;
