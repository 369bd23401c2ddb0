-- Grants of models know their roles by name, too: a role may be dropped, and its number be that of another one where the
-- database is restored. And what sqlml_owner creates is for nobody else by default, whatever was said before.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

ALTER TABLE sqlml.model_grant ADD COLUMN grantee_name text;
DELETE FROM sqlml.model_grant WHERE NOT EXISTS (SELECT FROM pg_roles WHERE oid = grantee);
UPDATE sqlml.model_grant SET grantee_name = pg_get_userbyid(grantee);
ALTER TABLE sqlml.model_grant ALTER COLUMN grantee_name SET NOT NULL;
COMMENT ON COLUMN sqlml.model_grant.grantee IS 'The role; where it is called otherwise by now than in grantee_name, nothing is granted';
COMMENT ON COLUMN sqlml.model_grant.grantee_name IS 'What the role was called when the model was granted to it';

DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT DISTINCT defaclnamespace AS place, grantee,
           CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                              WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END AS kind
    FROM pg_default_acl, aclexplode(defaclacl)
    WHERE defaclrole = 'sqlml_owner'::regrole AND grantee <> defaclrole
  LOOP
    EXECUTE format(
      'ALTER DEFAULT PRIVILEGES %s REVOKE ALL ON %s FROM %s',
      CASE WHEN given.place <> 0 THEN format('IN SCHEMA %s', given.place::regnamespace) END, given.kind,
      CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END
    );
  END LOOP;
END
$$;

RESET ROLE;
RESET search_path;
