-- What 'model', 'model@alias' and 'model@version' name right now, with the rights of whoever asks.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE VIEW sqlml.address WITH (security_invoker = true) AS
SELECT model AS address, model AS addressed_model, version AS addressed_version
FROM sqlml.deployment WHERE alias = 'champion' AND valid_to IS NULL
UNION ALL
SELECT model || '@' || alias, model, version
FROM sqlml.deployment WHERE valid_to IS NULL
UNION ALL
SELECT model || '@' || version, model, version
FROM sqlml.model_version;
COMMENT ON VIEW sqlml.address IS 'What model, model@alias and model@version name right now';
COMMENT ON COLUMN sqlml.address.address IS 'model, model@alias or model@version';
COMMENT ON COLUMN sqlml.address.addressed_model IS 'The name of the model';
COMMENT ON COLUMN sqlml.address.addressed_version IS 'The version that the address names';
GRANT SELECT ON sqlml.address TO sqlml_caller;

RESET ROLE;
RESET search_path;
