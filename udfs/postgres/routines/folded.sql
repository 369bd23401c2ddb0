-- A name in small letters, for names that differ by case alone. The letters of ASCII first, in the same way everywhere: in
-- some locales, as in Turkish, the small letter of I is not i. The others as the locale of the database has them.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.folded(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(lower(name COLLATE "C") COLLATE "default");
COMMENT ON FUNCTION sqlml.folded IS 'A name in small letters; those of ASCII in the same way in every locale';
GRANT EXECUTE ON FUNCTION sqlml.folded TO sqlml_caller;

RESET ROLE;
RESET search_path;
