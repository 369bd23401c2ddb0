-- Which models are granted to which roles, besides the members of sqlml_scorer, who score with all. A role that is called
-- otherwise by now may be another one, of another server or time, and has nothing.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE VIEW sqlml.granted_model WITH (security_invoker = true) AS
SELECT granted.model, known.rolname::text AS role, granted.granted_at, granted.granted_by
FROM sqlml.model_grant AS granted
JOIN pg_roles AS known ON known.oid = granted.grantee AND known.rolname = granted.grantee_name;
COMMENT ON VIEW sqlml.granted_model IS 'Which models are granted to which roles';
COMMENT ON COLUMN sqlml.granted_model.model IS 'The name of the model';
COMMENT ON COLUMN sqlml.granted_model.role IS 'The role';
COMMENT ON COLUMN sqlml.granted_model.granted_at IS 'When it was granted';
COMMENT ON COLUMN sqlml.granted_model.granted_by IS 'Who granted it';
GRANT SELECT ON sqlml.granted_model TO sqlml_reader;

RESET ROLE;
RESET search_path;
