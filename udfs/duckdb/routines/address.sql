-- What 'model', 'model@alias' and 'model@version' name right now.
-- The first column is renamed where it is read: routines that read this view have a parameter called model.
CREATE OR REPLACE VIEW sqlml.address AS
SELECT addressed_model AS address, addressed_model, version AS addressed_version
FROM sqlml.deployment AS live(addressed_model) WHERE alias = 'champion' AND valid_to IS NULL
UNION ALL
SELECT addressed_model || '@' || alias, addressed_model, version
FROM sqlml.deployment AS live(addressed_model) WHERE valid_to IS NULL
UNION ALL
SELECT addressed_model || '@' || version, addressed_model, version
FROM sqlml.model_version AS known(addressed_model);
COMMENT ON VIEW sqlml.address IS 'What model, model@alias and model@version name right now';
COMMENT ON COLUMN sqlml.address.address IS 'model, model@alias or model@version';
COMMENT ON COLUMN sqlml.address.addressed_model IS 'The name of the model';
COMMENT ON COLUMN sqlml.address.addressed_version IS 'The version that the address names';
